#!/usr/bin/env python3
"""Weights files of others under timm's keys, converted by timm itself.

    TIMM=/path/to/pytorch-image-models /usr/bin/python3 tools/golden_timm_convert.py

Runs like golden_timm.py. A file is made up: the keys and shapes that its authors use, filled by `fill`.
Writes packages/evenhand/golden/models/timm-convert.json.gz: for each file, the model with the file's image size as an
argument, the size that it is converted to, the file's keys and shapes, the model's features with these weights, and of
each tensor that timm's `checkpoint_filter_fn` returns, without the classifier, shape, norm and samples.
"""

import gzip
import json
import re
import sys

import torch
from golden_timm import OUT, SMALL_VIT, fill, images, summary, timm

GAIN = 1.0


def renamed(state, *patterns):
    for pattern, replacement in patterns:
        state = {re.sub(pattern, replacement, key): shape for key, shape in state.items()}
    return state


def text_tower():
    return {
        "logit_scale": [],
        "positional_embedding": [4, 32],
        "text_projection": [32, 24],
        "token_embedding.weight": [9, 32],
        "ln_final.weight": [32],
        "transformer.resblocks.0.ln_1.weight": [32],
        "transformer.resblocks.0.attn.in_proj_weight": [96, 32],
    }


def open_clip(state):
    """OpenAI's layout, as in the files of BioCLIP."""
    tower = renamed(
        state,
        (r"^patch_embed\.proj", "conv1"),
        (r"^blocks\.", "transformer.resblocks."),
        (r"^norm_pre", "ln_pre"),
        (r"^norm", "ln_post"),
        (r"\.norm(\d)", r".ln_\1"),
        (r"qkv\.", "in_proj_"),
        (r"attn\.proj", "attn.out_proj"),
        (r"mlp\.fc1", "mlp.c_fc"),
        (r"mlp\.fc2", "mlp.c_proj"),
    )
    width = tower.pop("cls_token")[-1]
    tower["class_embedding"] = [width]
    tower["positional_embedding"] = tower.pop("pos_embed")[1:]
    tower["proj"] = [width, 24]
    return {**text_tower(), **{"visual." + key: shape for key, shape in tower.items() if not key.startswith("head")}}


def open_clip_trunk(state):
    """An image tower of timm in a file of open_clip, as in those of SigLIP."""
    tower = {"visual.trunk." + key: shape for key, shape in state.items() if not key.startswith("head")}
    return {**text_tower(), "logit_bias": [], **tower}


def dinov2(state):
    """DINOv2 as Facebook publishes it."""
    file = {key: shape for key, shape in state.items() if not key.startswith("head")}
    file["mask_token"] = [1, file["cls_token"][-1]]
    if "reg_token" in file:
        file["register_tokens"] = file.pop("reg_token")
        _, patches, width = file["pos_embed"]
        file["pos_embed"] = [1, 1 + patches, width]
    return file


def dinov2_swiglu(state):
    """DINOv2 giant."""
    return renamed(dinov2(state), (r"mlp\.fc1", "mlp.w12"), (r"mlp\.fc2", "mlp.w3"))


def deit3(state):
    """DeiT III as Facebook publishes it."""
    return renamed(state, (r"ls(\d)\.gamma", r"gamma_\1"))


# Name -> architecture, image size of the file, image size of the model, its arguments, layout of the file.
FILES = {
    "open_clip": ("vit_base_patch16_clip_224", 48, (32, 64), SMALL_VIT, open_clip),
    "open_clip_trunk": ("vit_base_patch16_siglip_224", 48, (64, 32), SMALL_VIT, open_clip_trunk),
    "dinov2": ("vit_small_patch14_dinov2", 56, (42, 28), SMALL_VIT, dinov2),
    "dinov2_registers": ("vit_small_patch14_reg4_dinov2", 56, (42, 28), SMALL_VIT, dinov2),
    "dinov2_swiglu": ("vit_giant_patch14_dinov2", 42, (42, 42), SMALL_VIT, dinov2_swiglu),
    "deit_distilled": ("deit_tiny_distilled_patch16_224", 48, (32, 64), SMALL_VIT, dict),
    "deit3": ("deit3_small_patch16_224", 48, (32, 64), SMALL_VIT, deit3),
}


def compute(architecture, size, new_size, args, layout):
    original = timm.create_model(architecture, img_size=size, **args)
    keys = layout({key: list(value.shape) for key, value in original.state_dict().items()})
    model = timm.create_model(architecture, img_size=new_size, **args)
    convert = sys.modules[type(model).__module__].checkpoint_filter_fn
    options = {"adapt_layer_scale": True} if architecture.startswith("deit") else {}
    tensors = convert({key: fill(key, tuple(shape), GAIN) for key, shape in keys.items()}, model, **options)
    tensors = {key: value for key, value in tensors.items() if not key.startswith("head")}
    missing = model.load_state_dict(tensors, strict=False).missing_keys
    assert all(key.startswith("head") for key in missing), missing
    with torch.no_grad():
        features = model.eval().forward_head(model.forward_features(images(2, *new_size)), pre_logits=True)
    return {
        "architecture": architecture,
        "args": {**args, "img_size": size},
        "size": new_size,
        "gain": GAIN,
        "keys": keys,
        "features": [summary(row) for row in features],
        "tensors": {key: {"shape": list(value.shape), **summary(value)} for key, value in tensors.items()},
    }


if __name__ == "__main__":
    results = {name: compute(*spec) for name, spec in FILES.items()}
    data = gzip.compress(json.dumps(results).encode(), mtime=0)
    (OUT.parent / "timm-convert.json.gz").write_bytes(data)
    print(", ".join(results), len(data), "bytes")
