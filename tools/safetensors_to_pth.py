"""Converts a safetensors file to a .pth state dict, for tests and benchmarks with PyTorch.

    python3 tools/safetensors_to_pth.py best.safetensors best.pth
"""
import json
import struct
import sys

import numpy
import torch

TYPES = {"F32": numpy.float32, "F64": numpy.float64, "I64": numpy.int64}

source, target = sys.argv[1:3]
with open(source, "rb") as file:
    (length,) = struct.unpack("<Q", file.read(8))
    header = json.loads(file.read(length))
    data = file.read()
header.pop("__metadata__", None)
state = {}
for name, entry in header.items():
    begin, end = entry["data_offsets"]
    array = numpy.frombuffer(data[begin:end], TYPES[entry["dtype"]]).reshape(entry["shape"])
    state[name] = torch.from_numpy(array.copy())
torch.save(state, target)
