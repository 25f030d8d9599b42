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


def dinov3(state):
    """DINOv3 as Meta publishes it."""
    file = renamed(
        {key: shape for key, shape in state.items() if not re.search(r"^head|[qv]_bias", key)},
        (r"reg_token", "storage_tokens"),
        (r"gamma_(\d)", r"ls\1.gamma"),
        (r"mlp\.fc1_g", "mlp.w1"),
        (r"mlp\.fc1_x", "mlp.w2"),
    )
    if "blocks.0.mlp.w1.weight" in file:
        file = renamed(file, (r"mlp\.fc2", "mlp.w3"))
    for key, shape in list(file.items()):
        if key.endswith("qkv.weight"):
            file[key.replace("weight", "bias")] = shape[:1]
            file[key.replace("weight", "bias_mask")] = shape[:1]
    return {**file, "mask_token": [1, file["cls_token"][-1]], "rope_embed.periods": [4]}


def eva02_masked(state):
    """EVA-02 after pretraining by masked images, as BAAI publishes it."""
    file = renamed(
        {key: shape for key, shape in state.items() if not key.startswith("head")},
        (r"fc_norm", "norm"),
        (r"([qv])_proj\.bias", r"\1_bias"),
        (r"mlp\.norm", "mlp.ffn_ln"),
        (r"mlp\.fc1_g", "mlp.w1"),
        (r"mlp\.fc1_x", "mlp.w2"),
        (r"mlp\.fc2", "mlp.w3"),
    )
    width = file["cls_token"][-1]
    extra = {"mask_token": [1, 1, width], "lm_head.weight": [32, width], "lm_head.bias": [32]}
    return {**file, **extra, "rope.freqs_cos": [16, 16], "blocks.0.attn.rope.freqs_sin": [16, 16]}


def eva02_clip(state):
    """EVA-02-CLIP as BAAI publishes it."""
    tower = eva02_masked(renamed(state, (r"attn\.norm", "attn.inner_attn_ln")))
    return {**text_tower(), **{"visual." + key: shape for key, shape in tower.items() if "mask" not in key and "lm" not in key}}


def perception(state):
    """Perception Encoder as Meta publishes it."""
    pool = {key: state.pop(key) for key in list(state) if key.startswith("attn_pool.")}
    file = open_clip(state) if "cls_token" in state else open_clip({**state, "cls_token": [1, 1, 48]})
    file = renamed(file, (r"gamma_(\d)", r"ls_\1.gamma"))
    if "cls_token" not in state:
        del file["visual.class_embedding"]
    if pool:
        for kind in ("weight", "bias"):
            size = pool.pop(f"attn_pool.q.{kind}")[0]
            _, *width = pool.pop(f"attn_pool.kv.{kind}")
            file[f"visual.attn_pool.attn.in_proj_{kind}"] = [3 * size, *width]
        pool = renamed(
            pool,
            (r"^attn_pool", "visual.attn_pool"),
            (r"\.latent", ".probe"),
            (r"pool\.norm", "pool.layernorm"),
            (r"pool\.proj", "pool.attn.out_proj"),
            (r"mlp\.fc1", "mlp.c_fc"),
            (r"mlp\.fc2", "mlp.c_proj"),
        )
    return {**file, **pool}


# Name -> architecture, image size of the file, image size of the model, its arguments, layout of the file.
FILES = {
    "open_clip": ("vit_base_patch16_clip_224", 48, (32, 64), SMALL_VIT, open_clip),
    "open_clip_trunk": ("vit_base_patch16_siglip_224", 48, (64, 32), SMALL_VIT, open_clip_trunk),
    "dinov2": ("vit_small_patch14_dinov2", 56, (42, 28), SMALL_VIT, dinov2),
    "dinov2_registers": ("vit_small_patch14_reg4_dinov2", 56, (42, 28), SMALL_VIT, dinov2),
    "dinov2_swiglu": ("vit_giant_patch14_dinov2", 42, (42, 42), SMALL_VIT, dinov2_swiglu),
    "deit_distilled": ("deit_tiny_distilled_patch16_224", 48, (32, 64), SMALL_VIT, dict),
    "deit3": ("deit3_small_patch16_224", 48, (32, 64), SMALL_VIT, deit3),
    "dinov3": ("vit_small_patch16_dinov3", 48, (32, 64), SMALL_VIT, dinov3),
    "dinov3_biases": ("vit_small_plus_patch16_dinov3_qkvb", 48, (32, 64), SMALL_VIT, dinov3),
    "eva02_masked": ("eva02_base_patch14_224", 56, (42, 28), SMALL_VIT, eva02_masked),
    "eva02_clip": ("eva02_base_patch16_clip_224", 48, (64, 32), SMALL_VIT, eva02_clip),
    "pe_core": ("vit_pe_core_base_patch16_224", 48, (48, 48), SMALL_VIT, perception),
    "pe_spatial_gigantic": ("vit_pe_spatial_gigantic_patch14_448", 42, (42, 42), SMALL_VIT, perception),
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
