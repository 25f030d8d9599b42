#!/usr/bin/env python3
"""Golden outputs of timm's models, computed by timm itself with made-up weights.

    TIMM=/path/to/pytorch-image-models /usr/bin/python3 tools/golden_timm.py [CASE...]

Runs with Debian 12's python3-torch 1.13 and python3-torchvision; timm is a checkout of its repository (tried: aa4b5850,
1.0.29.dev0). No weights are downloaded: every parameter, buffer and input is filled by `fill`, which
packages/evenhand/src/models/timm.test.helper.ts reproduces digit for digit. Without names it computes all cases.
Writes packages/evenhand/golden/models/timm/CASE.json.gz with
  keys        name and shape of every entry of the state dict at 7 classes
  outputs     logits and features for each image size; at further sizes of a model with one size, its weights are those of
              the first size, resized as timm does when it loads them
  gradients   norm and samples of the gradient of each parameter at the first size, in evaluation mode
  groups      of each parameter: depth by timm's param_groups_layer_decay, and whether it has weight decay
"""

import gzip
import json
import math
import os
import pathlib
import sys

import numpy
import torch

sys.path.insert(0, os.environ.get("TIMM", "../timm"))
import timm
from golden_models import noise, summary
from timm.optim import param_groups_layer_decay

OUT = pathlib.Path(__file__).resolve().parent.parent / "packages/evenhand/golden/models/timm"
CLASSES = 7
GAINS = [2.6 - 0.1 * step for step in range(25)]


def case(architecture, *sizes, pool=None, **args):
    """One model: `args` are changes of its arguments, and `sizes` heights or (height, width) in pixels."""
    sizes = [size if isinstance(size, tuple) else (size, size) for size in sizes]
    return {"architecture": architecture, "sizes": sizes, "pool": pool, "args": args}


# Name of a case -> the model. Depth and width are reduced by timm's own arguments where that keeps the structure.
SMALL_VIT = dict(embed_dim=48, depth=2, num_heads=3)
VIT = {
    "vit": case("vit_tiny_patch16_224", 64, (32, 96), **SMALL_VIT),
    "vit_avg": case("eva_large_patch14_196", 42, (28, 56), **SMALL_VIT),
    "vit_max": case("vit_small_patch32_224", 96, (64, 32), global_pool="max", **SMALL_VIT),
    "vit_no_bias": case("vit_base_patch16_224_miil", 48, (32, 64), proj_bias=False, **SMALL_VIT),
    "vit_no_norm": case("vit_intern300m_patch14_448", 42, (28, 56), **SMALL_VIT),
    "vit_norms": case("beit3_base_patch16_224", 48, (32, 64), qk_norm=True, **SMALL_VIT),
    "vit_aim": case("aimv2_large_patch14_224", 42, (28, 56), **SMALL_VIT),
    "deit3": case("deit3_small_patch16_224", 48, (32, 64), **SMALL_VIT),
    "vit_dinov2": case("vit_small_patch14_dinov2", 42, (28, 70), **SMALL_VIT),
    "vit_dinov2_registers": case("vit_small_patch14_reg4_dinov2", 42, (28, 70), **SMALL_VIT),
    "vit_dinov2_swiglu": case("vit_giant_patch14_reg4_dinov2", 42, (28, 56), **SMALL_VIT),
    "vit_clip": case("vit_base_patch32_clip_224", 96, (64, 96), **SMALL_VIT),
    "vit_clip_quickgelu": case("vit_base_patch32_clip_quickgelu_224", 96, (64, 96), **SMALL_VIT),
    "vit_siglip": case("vit_base_patch16_siglip_224", 48, (32, 64), **SMALL_VIT),
    "vit_siglip_tanh": case("vit_base_patch32_siglip_256", 96, (64, 96), **SMALL_VIT),
    "vit_siglip_gap": case("vit_base_patch16_siglip_gap_224", 48, (32, 64), **SMALL_VIT),
    "vit_registers_avg": case("vit_medium_patch16_reg4_gap_256", 48, (32, 64), **SMALL_VIT),
    "vit_registers_embedded": case("vit_so150m2_patch16_reg1_gap_256", 48, (32, 64), **SMALL_VIT),
    "vit_registers_map": case("test_vit3", 48, (32, 64), **SMALL_VIT),
}
ROTARY = {
    "eva": case("eva_giant_patch14_224", 42, (28, 56), **SMALL_VIT),
    "eva02": case("eva02_tiny_patch14_336", 56, (28, 70), **SMALL_VIT),
    "eva02_unfused": case("eva02_base_patch14_448", 56, (28, 70), **SMALL_VIT),
    "eva02_clip": case("eva02_base_patch16_clip_224", 48, (32, 64), **SMALL_VIT),
    "eva02_post_norm": case("eva02_enormous_patch14_clip_224", 42, (28, 56), **SMALL_VIT),
    "rope_registers": case("vit_betwixt_patch16_rope_reg4_gap_256", 48, (32, 64), **SMALL_VIT),
    "rope_axial": case("vit_small_patch16_rope_ape_224", 48, (32, 64), **SMALL_VIT),
    "rope_mixed": case("vit_small_patch16_rope_mixed_224", 48, (32, 64), **SMALL_VIT),
    "pe_core": case("vit_pe_core_base_patch16_224", 48, (32, 64), **SMALL_VIT),
    "pe_core_token": case("vit_pe_core_tiny_patch16_384", 48, (32, 64), pool="token", **SMALL_VIT),
    "pe_core_gigantic": case("vit_pe_core_gigantic_patch14_448", 42, (28, 56), **SMALL_VIT),
    "pe_lang": case("vit_pe_lang_large_patch14_448", 42, (28, 56), **SMALL_VIT),
    "dinov3": case("vit_small_patch16_dinov3", 48, (32, 64), **SMALL_VIT),
    "dinov3_biases": case("vit_base_patch16_dinov3_qkvb", 48, (32, 64), pool="token", **SMALL_VIT),
    "dinov3_plus": case("vit_small_plus_patch16_dinov3", 48, (32, 64), **SMALL_VIT),
}
SMALL_CONVNEXT = dict(depths=(1, 2, 1, 1), dims=(16, 24, 32, 40))
CONVNEXT = {
    "convnext": case("convnext_tiny", 64, (96, 64), **SMALL_CONVNEXT),
    "convnext_max": case("convnext_tiny", 64, (64, 96), pool="max", **SMALL_CONVNEXT),
    "convnext_conv_mlp": case("convnext_atto", 64, (64, 96), **SMALL_CONVNEXT),
    "convnext_head_norm_first": case("convnext_tiny_hnf", 64, (96, 64), **SMALL_CONVNEXT),
    "convnext_hidden": case("convnext_large_mlp", 64, (64, 96), head_hidden_size=24, **SMALL_CONVNEXT),
    "convnext_eps": case("convnext_xxlarge", 64, (96, 64), conv_bias=False, **SMALL_CONVNEXT),
    "convnext_tiered": case("convnext_atto_ols", 64, (70, 96), **SMALL_CONVNEXT),
    "convnext_overlap": case("convnext_nano_ols", 64, (70, 96), **SMALL_CONVNEXT),
    "convnext_simple_norm": case("convnext_zepto_rms_ols", 64, (64, 96), **SMALL_CONVNEXT),
    "convnext_rms_norm": case("convnext_atto_rms", 64, (96, 64), **SMALL_CONVNEXT),
    "convnext_kernels": case("test_convnext3", 64, (48, 64), patch_size=2, dims=(16, 24, 32, 40)),
    "convnext_tanh": case("test_convnext", 64, (64, 96), **SMALL_CONVNEXT),
    "convnextv2": case("convnextv2_tiny", 64, (96, 64), **SMALL_CONVNEXT),
    "convnextv2_conv_mlp": case("convnextv2_atto", 64, (96, 64), **SMALL_CONVNEXT),
}
SMALL_SWIN = dict(embed_dim=16, depths=(2, 2, 2), num_heads=(2, 4, 8))
SWIN = {
    # 72 and 60: maps of 18, 9 and 5, or 15, 8 and 4 tokens, so that windows and squares of tokens are padded
    "swin": case("swin_tiny_patch4_window7_224", 64, 72, (96, 64), window_size=4, **SMALL_SWIN),
    "swin_padded": case("swin_tiny_patch4_window7_224", 64, 60, (64, 96), **SMALL_SWIN),
    "swin_windows": case("swin_s3_tiny_224", 64, 88, (64, 96), window_size=(4, 8, 2), **SMALL_SWIN),
    "swin_partitioned": case(
        "swin_base_patch4_window12_384", 48, always_partition=True, head_dim=4, qkv_bias=False, window_size=(4, 6), **SMALL_SWIN
    ),
}
EFFICIENTNET = {
    "efficientnet": case("tinynet_e", 64, (48, 64)),
    "efficientnet_tf": case("tf_efficientnet_b0", 65, (64, 75)),
    "efficientnet_v2_tf": case("tf_efficientnetv2_b0", 65, (64, 48), channel_multiplier=0.25, depth_multiplier=0.5),
    "efficientnet_v2_rw": case("efficientnetv2_rw_s", 64, (48, 80), pool="max", channel_multiplier=0.25, depth_multiplier=0.2),
    "mobilenet_edgetpu": case("mobilenet_edgetpu_v2_xs", 64, (48, 64), depth_multiplier=0.25),
    "mobilenetv1": case("mobilenetv1_100", 64, (48, 64), depth_multiplier=0.25),
    "mobilenetv2": case("mobilenetv2_035", 64, (48, 64), depth_multiplier=0.5),
}
MOBILENET = {
    "mobilenetv3_large": case("mobilenetv3_large_075", 64, (48, 80), depth_multiplier=0.5),
    "mobilenetv3_small_tf": case("tf_mobilenetv3_small_075", 65, (64, 75), depth_multiplier=0.5),
    "mobilenetv3_minimal": case("tf_mobilenetv3_small_minimal_100", 64, (48, 80), pool="max", depth_multiplier=0.5),
    "mobilenetv3_rw": case("mobilenetv3_rw", 64, (48, 80)),
    "lcnet": case("lcnet_035", 64, (48, 80)),
    "mobilenetv4_conv": case("mobilenetv4_conv_small_035", 64, (96, 64)),
    "mobilenetv4_conv_aa": case("mobilenetv4_conv_small_035", 64, (90, 70), pool="max", aa_layer="avg"),
    "mobilenetv4_conv_blur": case("mobilenetv4_conv_small_035", 64, (90, 70), aa_layer="blurpc"),
    "mobilenetv4_hybrid": case("mobilenetv4_hybrid_medium_075", 64, (96, 64), act_layer="gelu"),
}
ODD_SIZES = (61, (90, 64))  # odd maps, at whose border a pool of 2x2 has fewer pixels
SMALL_RESNET = dict(layers=(2, 1, 1, 1), channels=(16, 24, 32, 40))
RESNET = {
    "resnet_basic": case("resnet18", *ODD_SIZES, **SMALL_RESNET),
    "resnet_basic_d": case("resnet18d", *ODD_SIZES, **SMALL_RESNET),
    "resnet_bottleneck": case("resnet50", *ODD_SIZES, **SMALL_RESNET),
    "resnet_bottleneck_max": case("resnet50", *ODD_SIZES, pool="max", **SMALL_RESNET),
    "resnet_c": case("resnet50c", *ODD_SIZES, **SMALL_RESNET),
    "resnet_d": case("resnet50d", *ODD_SIZES, **SMALL_RESNET),
    "resnet_t": case("resnet14t", *ODD_SIZES, **SMALL_RESNET),
    "resnet_wide": case("wide_resnet50_2", *ODD_SIZES, **SMALL_RESNET),
    "resnext": case("resnext50_32x4d", *ODD_SIZES, layers=(1, 1, 1, 1), channels=(64, 64, 64, 64)),
    "seresnet_basic": case("seresnet18", *ODD_SIZES, **SMALL_RESNET),
    "seresnet_t": case("seresnet50t", *ODD_SIZES, **SMALL_RESNET),
    "seresnext_d": case("seresnext26d_32x4d", *ODD_SIZES, layers=(1, 1, 1, 1), channels=(64, 64, 64, 64)),
    "senet": case("senet154", *ODD_SIZES, layers=(1, 1, 1, 1), channels=(32, 32, 32, 32), cardinality=8),
    "ecaresnet_light": case("ecaresnetlight", *ODD_SIZES, **SMALL_RESNET),
    "resnet_aa": case("resnetaa50", 64, (96, 64), **SMALL_RESNET),
    "resnet_aa_d": case("resnetaa34d", 64, (96, 64), **SMALL_RESNET),
    "resnet_blur": case("resnetblur18", *ODD_SIZES, **SMALL_RESNET),
    "resnet_blur_d": case("resnetblur50d", *ODD_SIZES, **SMALL_RESNET),
    "resnet_rs": case("resnetrs50", *ODD_SIZES, **SMALL_RESNET),
    "resnet_mixed": case("test_resnet", *ODD_SIZES),
}
NARROW_REGNET = dict(w0=16, wa=20.0, wm=2.0, depth=5, group_size=8, stem_width=16)
REGNET = {
    "regnetx": case("regnetx_002", *ODD_SIZES, **NARROW_REGNET),
    "regnety": case("regnety_002", *ODD_SIZES, **NARROW_REGNET),
    "regnety_max": case("regnety_002", *ODD_SIZES, pool="max", **NARROW_REGNET),
    "regnety_rounded": case("regnety_008_tv", *ODD_SIZES, **dict(NARROW_REGNET, group_size=20)),
    "regnetv": case("regnetv_040", *ODD_SIZES, **NARROW_REGNET),
    "regnetv_avg": case("regnetv_064", *ODD_SIZES, **NARROW_REGNET),
    "regnetz": case("regnetz_040", *ODD_SIZES, **NARROW_REGNET),
    "regnetz_features": case("regnetz_005", *ODD_SIZES, **dict(NARROW_REGNET, num_features=32)),
}
CASES = {**VIT, **ROTARY, **CONVNEXT, **SWIN, **EFFICIENTNET, **MOBILENET, **RESNET, **REGNET}


def fill(name, shape, gain):
    """The values of the tensor `name` as float32, computed in double precision and rounded once."""
    u = noise(name, math.prod(shape))
    if name.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    if name.endswith("running_var"):
        u = 1 + u / 2
    elif name.endswith("running_mean") or name.endswith("bias"):
        u = u / 8
    elif len(shape) == 1:
        u = 1 + u / 4
    elif len(shape) > 2 and shape[0] == 1:  # tokens and position embeddings
        u = u / 2
    else:
        # weak squeeze-and-excitation: otherwise its gates make activations explode or vanish
        u = u * math.sqrt(3 * (0.1 if ".se." in name else gain) / math.prod(shape[1:]))
    return torch.from_numpy(u.astype(numpy.float32)).reshape(shape)


def images(count, height, width):
    return torch.from_numpy(noise("input", count * 3 * height * width).astype(numpy.float32)).reshape(count, 3, height, width) * 2


def filled(model, gain):
    return {key: fill(key, tuple(value.shape), gain) for key, value in model.state_dict().items()}


def create(spec, size):
    """The model in evaluation mode, with the image size as an argument where it has one."""
    args = dict(spec["args"], num_classes=CLASSES)
    if spec["pool"]:
        args["global_pool"] = spec["pool"]
    try:
        return timm.create_model(spec["architecture"], img_size=size, **args).eval(), True
    except TypeError as error:
        assert "img_size" in str(error), error
        return timm.create_model(spec["architecture"], **args).eval(), False


def outputs(model, size):
    with torch.no_grad():
        x = images(2, *size)
        features = model.forward_head(model.forward_features(x), pre_logits=True)
        return {"size": size, "logits": model(x).tolist(), "features": [summary(row) for row in features]}


def compute(spec):
    size, *others = spec["sizes"]
    model, fixed = create(spec, size)
    for gain in GAINS:  # the largest with which activations have a normal size
        model.load_state_dict(filled(model, gain))
        with torch.no_grad():
            logits = model(images(2, *size))
        if logits.std() < 4:
            break
    difference = (logits[0] - logits[1]).abs().mean()
    assert logits.std() < 4 and difference > 0.01, (logits.std(), difference)
    results = [outputs(model, size)]
    for other in others:
        resized = model
        if fixed:
            resized, _ = create(spec, other)
            convert = sys.modules[type(model).__module__].checkpoint_filter_fn
            resized.load_state_dict(convert(dict(model.state_dict()), resized))
        results.append(outputs(resized, other))
    x = images(2, *size)
    coefficients = torch.from_numpy(noise("loss", 2 * CLASSES).astype(numpy.float32)).reshape(2, CLASSES)
    (model(x) * coefficients).sum().backward()
    groups = {}
    names = {parameter: name for name, parameter in model.named_parameters()}
    no_decay = model.no_weight_decay() if hasattr(model, "no_weight_decay") else set()
    listed = param_groups_layer_decay(model, weight_decay=1.0, no_weight_decay_list=no_decay, layer_decay=0.5)
    scales = sorted({group["lr_scale"] for group in listed})
    for group in listed:
        for parameter in group["params"]:
            groups[names[parameter]] = [scales.index(group["lr_scale"]), group["weight_decay"] > 0]
    return {
        "architecture": spec["architecture"],
        "args": spec["args"],
        "pool": spec["pool"],
        "gain": gain,
        "keys": {key: list(value.shape) for key, value in model.state_dict().items()},
        "outputs": results,
        "gradients": {key: summary(value.grad) for key, value in model.named_parameters() if value.grad is not None},
        "groups": groups,
    }, f"gain {gain:.2f}, logits: std {logits.std():.3f}, between images {difference:.3f}"


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or CASES:
        value, text = compute(CASES[name])
        data = gzip.compress(json.dumps(value).encode(), mtime=0)
        (OUT / f"{name}.json.gz").write_bytes(data)
        print(f"{name:32} {text}, {len(data)} bytes")
