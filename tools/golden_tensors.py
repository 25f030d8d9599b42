"""Shared by the golden scripts of packages/torch: writes tensors and files."""

import gzip
import json
import os

import numpy
import torch

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
random = torch.Generator()


def seed(number):
    """Seeds the generator of `values`, which is independent of PyTorch's global generator."""
    random.manual_seed(number)


def values(*shape, scale=1.0, shift=0.0):
    """Normally distributed numbers, rounded to two decimals so that the files stay small."""
    return ((torch.randn(shape, generator=random) * scale + shift) * 100).round() / 100


def number(value):
    """The shortest decimal that is read back as the same value. Values that JSON lacks become strings."""
    if not numpy.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(float(value))]
    return json.loads(str(value)) if isinstance(value, numpy.floating) else int(value)


def pack(tensor):
    """A tensor as JSON. 16-bit floats are written as equal float32 values."""
    flat = tensor.detach().contiguous().flatten()
    if flat.dtype in (torch.float16, torch.bfloat16):
        flat = flat.float()
    packed = {
        "dtype": str(tensor.dtype).removeprefix("torch."),
        "shape": list(tensor.shape),
        "strides": list(tensor.stride()),
        "data": [number(value) for value in flat.numpy()],
    }
    return {**packed, "grad": True} if tensor.requires_grad else packed


def leaf(tensor):
    """A new leaf that requires a gradient."""
    return tensor.detach().clone().requires_grad_()


def write(name, golden):
    path = os.path.join(ROOT, "packages/torch/golden", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    text = json.dumps({"torch": torch.__version__, **golden}, separators=(",", ":"), allow_nan=False)
    with open(path, "wb") as file, gzip.GzipFile(fileobj=file, mode="wb", mtime=0, filename="") as packed:
        packed.write(text.encode())
    print(os.path.normpath(path), os.path.getsize(path), "bytes")
