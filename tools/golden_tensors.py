"""What the golden scripts of packages/torch share: how tensors and files are written."""

import gzip
import json
import os

import numpy
import torch

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
random = torch.Generator()


def seed(number):
    """Starts the sequence that `values` draws from, apart from PyTorch's own generator."""
    random.manual_seed(number)


def values(*shape, scale=1.0, shift=0.0):
    """Normal numbers rounded to two digits after the point, so that the files stay small."""
    return ((torch.randn(shape, generator=random) * scale + shift) * 100).round() / 100


def number(value):
    """The shortest decimal that reads back as the same value; what JSON lacks as a string."""
    if not numpy.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(float(value))]
    return json.loads(str(value)) if isinstance(value, numpy.floating) else int(value)


def pack(tensor):
    """A tensor as JSON; 16-bit floats by the float32 values that they equal."""
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
    """A leaf of its own that requires a gradient."""
    return tensor.detach().clone().requires_grad_()


def write(name, golden):
    path = os.path.join(ROOT, "packages/torch/golden", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    text = json.dumps({"torch": torch.__version__, **golden}, separators=(",", ":"), allow_nan=False)
    with open(path, "wb") as file, gzip.GzipFile(fileobj=file, mode="wb", mtime=0, filename="") as packed:
        packed.write(text.encode())
    print(os.path.normpath(path), os.path.getsize(path), "bytes")
