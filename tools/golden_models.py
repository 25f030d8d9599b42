#!/usr/bin/env python3
"""Golden outputs of the models, made with PyTorch and torchvision (Debian 12: torch 1.13, torchvision 0.14).

    /usr/bin/python3 tools/golden_models.py

Weights are not stored: every parameter, buffer and input is filled by `fill`, which
packages/evenhand/src/models/golden.test.helper.ts reproduces digit for digit. Writes to packages/evenhand/golden/models/:
  logits.json    evaluation-mode logits of every model for a batch of two, parameter counts at 1000 classes
  keys.json.gz   name and shape of every entry of every model's state dict at 7 classes
  training.json  EfficientNet-B0 in training mode: logits, and for each gradient and running statistic its norm and samples
  presets.json   the preprocessing of torchvision's IMAGENET1K_V1 weights
  settings.json  settings not visible in the state dict or in evaluation: dropout, stochastic depth, batch norm
  initial.json   parameters as torchvision draws them with seed 0
  pretrained.json  features by the ImageNet weights in ../shared/data/weights (written if these are present)
"""
import gzip
import json
import math
import pathlib
import re

import numpy
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

OUT = pathlib.Path(__file__).resolve().parent.parent / "packages/evenhand/golden/models"
WEIGHTS = OUT.parents[4] / "shared/data/weights"
TORCHVISION = [
    *[f"efficientnet_b{i}" for i in range(8)],
    *[f"efficientnet_v2_{size}" for size in "sml"],
    *["mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small"],
]
CLASSES = 7
SIZES = {f"efficientnet_{size}": 64 for size in ["b5", "b6", "b7", "v2_s", "v2_m", "v2_l"]}  # the others take 96
GAINS = [2.6 - 0.05 * step for step in range(40)]


def noise(name, count):
    """`count` numbers in [-1, 1), each a multiple of 2^-23: murmur3's finaliser over FNV-1a of the name and the index."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x01000193) & 0xFFFFFFFF
    h = numpy.arange(count, dtype=numpy.uint32) * numpy.uint32(0x9E3779B9) + numpy.uint32(seed)
    h ^= h >> numpy.uint32(16)
    h *= numpy.uint32(0x85EBCA6B)
    h ^= h >> numpy.uint32(13)
    h *= numpy.uint32(0xC2B2AE35)
    h ^= h >> numpy.uint32(16)
    return (h >> numpy.uint32(8)).astype(numpy.float64) / 2**23 - 1


def fill(name, shape, gain=1.0):
    """The values of the tensor `name` as float32, computed in double precision and rounded once."""
    u = noise(name, math.prod(shape))
    if name.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    if name.endswith("running_var"):
        u = 1 + u / 2
    elif name.endswith("running_mean") or name.endswith("bias"):
        u = u / 8
    elif name.endswith("weight") and len(shape) == 1:
        u = 1 + u / 4
    elif name.endswith("weight"):
        # weak squeeze-and-excitation: otherwise its gates make activations explode or vanish
        power = 0.1 if ".fc" in name else gain
        u = u * math.sqrt(3 * power / math.prod(shape[1:]))
    return torch.from_numpy(u.astype(numpy.float32)).reshape(shape)


def fill_model(model, gain):
    model.load_state_dict({key: fill(key, tuple(value.shape), gain) for key, value in model.state_dict().items()})
    return model


def images(count, size):
    return fill("input", (count, 3, size, size)) * 2


class SameConv2d(nn.Conv2d):
    """TensorFlow's "same" padding for ceil(size / stride) outputs, with the odd pixel at the bottom and right."""

    def forward(self, x):
        pads = []
        for size, kernel, stride in zip(x.shape[:-3:-1], self.kernel_size[::-1], self.stride[::-1]):
            missing = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
            pads += [missing // 2, missing - missing // 2]
        return F.conv2d(F.pad(x, pads), self.weight, None, self.stride, 0, 1, self.groups)


class LiteBlock(nn.Module):
    def __init__(self, inputs, outputs, expand, kernel, stride):
        super().__init__()
        wide = inputs * expand
        self.expand, self.residual = expand != 1, stride == 1 and inputs == outputs
        depthwise = SameConv2d(wide, wide, kernel, stride, groups=wide, bias=False)
        if self.expand:
            self.conv_pw = SameConv2d(inputs, wide, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(wide, eps=1e-3)
            self.conv_dw = depthwise
            self.bn2 = nn.BatchNorm2d(wide, eps=1e-3)
            self.conv_pwl = SameConv2d(wide, outputs, 1, bias=False)
            self.bn3 = nn.BatchNorm2d(outputs, eps=1e-3)
        else:
            self.conv_dw = depthwise
            self.bn1 = nn.BatchNorm2d(wide, eps=1e-3)
            self.conv_pw = SameConv2d(wide, outputs, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x):
        if self.expand:
            y = F.relu6(self.bn1(self.conv_pw(x)))
            y = F.relu6(self.bn2(self.conv_dw(y)))
            y = self.bn3(self.conv_pwl(y))
        else:
            y = self.bn2(self.conv_pw(F.relu6(self.bn1(self.conv_dw(x)))))
        return x + y if self.residual else y


class Lite0(nn.Module):
    """EfficientNet-Lite0 with timm's names, written from the definition (tensorflow/tpu), as Debian has no timm."""

    def __init__(self, num_classes):
        super().__init__()
        self.conv_stem = SameConv2d(3, 32, 3, 2, bias=False)
        self.bn1 = nn.BatchNorm2d(32, eps=1e-3)
        stages, inputs = [], 32
        for expand, kernel, stride, outputs, repeats in [
            (1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3),
            (6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1),
        ]:  # fmt: skip
            blocks = []
            for index in range(repeats):
                blocks.append(LiteBlock(inputs, outputs, expand, kernel, stride if index == 0 else 1))
                inputs = outputs
            stages.append(nn.Sequential(*blocks))
        self.blocks = nn.Sequential(*stages)
        self.conv_head = SameConv2d(320, 1280, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(1280, eps=1e-3)
        self.classifier = nn.Linear(1280, num_classes)

    def features(self, x):
        x = self.blocks(F.relu6(self.bn1(self.conv_stem(x))))
        return F.relu6(self.bn2(self.conv_head(x))).mean((2, 3))

    def forward(self, x):
        return self.classifier(self.features(x))


def mini(num_classes):
    """B0 with half the width and 0.6 of the depth."""
    config = torchvision.models.efficientnet.MBConvConfig
    rows = [
        config(expand, kernel, stride, inputs, outputs, layers, width_mult=0.5, depth_mult=0.6)
        for expand, kernel, stride, inputs, outputs, layers in [
            (1, 3, 1, 32, 16, 1), (6, 3, 2, 16, 24, 2), (6, 5, 2, 24, 40, 2), (6, 3, 2, 40, 80, 3),
            (6, 5, 1, 80, 112, 3), (6, 5, 2, 112, 192, 4), (6, 3, 1, 192, 320, 1),
        ]  # fmt: skip
    ]
    return torchvision.models.EfficientNet(rows, 0.2, num_classes=num_classes)


def build(name, num_classes, **options):
    if name == "efficientnet_mini":
        return mini(num_classes)
    if name == "efficientnet_lite0":
        return Lite0(num_classes)
    return getattr(torchvision.models, name)(num_classes=num_classes, **options)


def summary(tensor, samples=3):
    """Norm and a few entries spread over the tensor."""
    flat = tensor.detach().double().flatten()
    at = [index * (flat.numel() - 1) // (samples - 1) for index in range(samples)]
    return {"norm": flat.norm().item(), "at": at, "values": flat[at].tolist()}


def write(name, value):
    """JSON with one entry per line if the entry is short."""
    text = re.sub(r"\[[^][{}]*\]", lambda list_: re.sub(r"\s+", " ", list_[0]), json.dumps(value, indent=1))
    (OUT / name).write_text(text + "\n")


def evaluation():
    logits, keys = {}, {}
    for name in TORCHVISION + ["efficientnet_mini", "efficientnet_lite0"]:
        parameters = sum(p.numel() for p in build(name, 1000).parameters())
        model = build(name, CLASSES).eval()
        keys[name] = {key: list(value.shape) for key, value in model.state_dict().items()}
        # lite0 also runs at an odd size, at which "same" padding is symmetric
        sizes = [96, 75] if name == "efficientnet_lite0" else [SIZES.get(name, 96)]
        with torch.no_grad():
            for gain in GAINS:  # the largest with which activations have a normal size
                output = fill_model(model, gain)(images(2, sizes[0]))
                if output.std() < 4:
                    break
            cases = [{"size": size, "logits": model(images(2, size)).tolist()} for size in sizes]
        difference = (output[0] - output[1]).abs().mean()
        print(f"{name:20} gain {gain:.2f} logits: std {output.std():.3f}, between images {difference:.3f}")
        assert output.std() < 4 and difference > 0.05
        logits[name] = {"parameters": parameters, "gain": gain, "cases": cases}
    write("logits.json", logits)
    (OUT / "keys.json.gz").write_bytes(gzip.compress(json.dumps(keys).encode(), mtime=0))


def training():
    """One forward and backward pass of B0 without dropout and stochastic depth: the loss is sum(logits * noise)."""
    model = fill_model(build("efficientnet_b0", CLASSES, stochastic_depth_prob=0.0), 1.0).train()
    model.classifier[0].p = 0.0
    output = model(images(4, 96))
    (output * fill("loss", (4, CLASSES))).sum().backward()
    write("training.json", {
        "size": 96,
        "logits": output.tolist(),
        "gradients": {key: summary(p.grad) for key, p in model.named_parameters()},
        "buffers": {key: summary(b) for key, b in model.named_buffers()},
    })  # fmt: skip


def presets():
    values = {}
    for name in TORCHVISION:
        preset = torchvision.models.get_model_weights(name).IMAGENET1K_V1.transforms()
        values[name] = {
            "resize": preset.resize_size[0],
            "crop": preset.crop_size[0],
            "interpolation": preset.interpolation.value,
            "mean": preset.mean,
            "std": preset.std,
        }
    write("presets.json", values)


def settings():
    values = {}
    for name in TORCHVISION + ["efficientnet_mini"]:
        modules = list(build(name, CLASSES).modules())
        values[name] = {
            "norm": sorted({(m.eps, m.momentum) for m in modules if isinstance(m, nn.BatchNorm2d)}),
            "dropout": [m.p for m in modules if isinstance(m, nn.Dropout)],
            "stochastic_depth": [m.p for m in modules if isinstance(m, torchvision.ops.StochasticDepth)],
        }
    write("settings.json", values)


def initial():
    values = {}
    for name in ["efficientnet_b0", "mobilenet_v2", "mobilenet_v3_small"]:
        torch.manual_seed(0)
        model = build(name, CLASSES)
        values[name] = {key: summary(value) for key, value in model.named_parameters() if value.dim() > 1}
    write("initial.json", values)


def pretrained():
    if not WEIGHTS.is_dir():
        return
    mobilenet = build("mobilenet_v2", CLASSES)
    state = torch.load(WEIGHTS / "mobilenet_v2.imagenet-features.pth")
    assert all(key.startswith("classifier.1") for key in mobilenet.load_state_dict(state, strict=False).missing_keys)
    mobilenet.classifier = nn.Identity()
    lite = Lite0(CLASSES)
    state = read_safetensors(WEIGHTS / "tf_efficientnet_lite0.imagenet-features.safetensors")
    result = lite.load_state_dict(state, strict=False)
    assert all(key.startswith("classifier") or key.endswith("num_batches_tracked") for key in result.missing_keys)
    lite.classifier = nn.Identity()
    features = {}
    for name, model in [("mobilenet_v2", mobilenet), ("efficientnet_lite0", lite)]:
        with torch.no_grad():
            features[name] = [summary(row, 60) for row in model.eval()(images(2, 160))]
    write("pretrained.json", {"size": 160, "features": features})


def read_safetensors(path):
    """The tensors of a safetensors file of float32 (the package is not in Debian)."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    tensors = {}
    for key, entry in json.loads(data[8:start]).items():
        if key != "__metadata__":
            begin, end = entry["data_offsets"]
            values = numpy.frombuffer(data[start + begin : start + end], dtype="<f4")
            tensors[key] = torch.from_numpy(values.copy()).reshape(entry["shape"])
    return tensors


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    evaluation()
    training()
    presets()
    settings()
    initial()
    pretrained()
