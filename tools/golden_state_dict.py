"""Writes packages/torch/golden/state-dict: small weights files and their contents.

Run with a Python that has torch 1.13 and safetensors; the committed files were written with torch 1.13.0a0
and safetensors 0.8.0. Expected values are the raw bytes of each tensor, row-major, as hex.
"""

import builtins
import io
import json
import os
import zipfile
from collections import OrderedDict
from pathlib import Path

import safetensors.torch
import torch

FOLDER = Path(__file__).resolve().parent.parent / "packages/torch/golden/state-dict"
DTYPES = ["float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]


def raw(tensor):
    tensor = tensor.detach().contiguous()
    if tensor.numel() == 0:
        return b""
    # NumPy has no bfloat16; its bytes are read as int16.
    return (tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor).numpy().tobytes()


def name_of(tensor):
    return str(tensor.dtype).removeprefix("torch.")


def expected(tensors):
    return {
        name: {"dtype": name_of(t), "shape": list(t.shape), "hex": raw(t).hex()} for name, t in tensors.items()
    }


def every_kind():
    """All element types, and every way in which a tensor can view a storage."""
    torch.manual_seed(0)
    tensors = OrderedDict()
    for dtype in DTYPES:
        values = torch.randn(2, 3) * 50
        tensors[f"dtype.{dtype}"] = (values > 0) if dtype == "bool" else values.to(getattr(torch, dtype))
        tensors[f"transposed.{dtype}"] = tensors[f"dtype.{dtype}"].t()
    tensors["special"] = torch.tensor([float("nan"), float("inf"), -float("inf"), -0.0, 1e-45])
    tensors["scalar"] = torch.tensor(3.5)
    tensors["counter"] = torch.tensor(7)
    tensors["empty"] = torch.zeros(0, 4)
    base = torch.arange(60, dtype=torch.float32).reshape(3, 4, 5)
    tensors["shared.all"] = base
    tensors["shared.row"] = base[1]
    tensors["shared.slice"] = base[1:, ::2, 1:4]
    tensors["shared.permuted"] = base.permute(2, 0, 1)
    tensors["channels_last"] = torch.randn(2, 3, 2, 2).contiguous(memory_format=torch.channels_last)
    tensors["one_wide"] = torch.arange(6.0).reshape(2, 3)[:, :1].t()
    tensors["expanded"] = torch.tensor([[1.0], [2.0]]).expand(2, 3)
    tensors["parameter"] = torch.nn.Parameter(torch.randn(3))
    return tensors


def save_both(name, contents, tensors):
    torch.save(contents, FOLDER / f"{name}.zip.pth")
    torch.save(contents, FOLDER / f"{name}.legacy.pth", _use_new_zipfile_serialization=False)
    write_json(name, expected(tensors))


def write_json(name, value):
    (FOLDER / f"{name}.json").write_text(json.dumps(value, indent=1) + "\n")


def repack(name, target, compression, extra):
    """The same archive in the form of another writer."""
    with zipfile.ZipFile(FOLDER / name) as source, zipfile.ZipFile(FOLDER / target, "w", compression) as out:
        for entry in source.namelist():
            out.writestr(zipfile.ZipInfo(entry), source.read(entry), compression)
        prefix = source.namelist()[0].split("/")[0]
        for entry, data in extra.items():
            out.writestr(zipfile.ZipInfo(f"{prefix}/{entry}"), data)


def checkpoint():
    torch.manual_seed(1)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.Flatten(), torch.nn.Linear(8, 2))
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    net(torch.randn(2, 3, 4, 4)).sum().backward()
    optimizer.step()
    wrapped = OrderedDict((f"module.{name}", value) for name, value in net.state_dict().items())
    wrapped._metadata = net.state_dict()._metadata
    contents = {
        "epoch": 12,
        "best": 0.9375,
        "negative": -3,
        "big": 2**70,
        "below": -(2**60),
        "done": True,
        "nothing": None,
        "arch": "tiny \N{GREEK SMALL LETTER ALPHA}",
        "shape": torch.Size([1, 3, 4, 4]),
        "dtype": torch.float32,
        "blob": b"\x00\xff",
        "history": [(0, 0.5), (1, 0.25)],
        "__proto__": {"polluted": True},
        "optimizer": optimizer.state_dict(),
        "state_dict": wrapped,
    }
    return contents, net.state_dict()


class Evil:
    def __init__(self, function, *args):
        self.call = (function, args)

    def __reduce__(self):
        return self.call


def evil_files():
    """Each would create the file `evenhand-evil-marker` if any of its code ran."""
    def dump(name, value):
        torch.save({"weight": torch.zeros(2), "payload": value}, FOLDER / f"evil.{name}.zip.pth")
        torch.save(
            {"weight": torch.zeros(2), "payload": value},
            FOLDER / f"evil.{name}.legacy.pth",
            _use_new_zipfile_serialization=False,
        )

    inner = io.BytesIO()
    torch.save(Evil(os.system, "touch evenhand-evil-marker"), inner)
    dump("system", Evil(os.system, "touch evenhand-evil-marker"))
    dump("eval", Evil(builtins.eval, "open('evenhand-evil-marker', 'w').close()"))
    dump("load", Evil(torch.storage._load_from_bytes, inner.getvalue()))


def safetensors_files():
    tensors = {n: t for n, t in every_kind().items() if n.startswith("dtype.") or n in ("scalar", "empty", "special")}
    tensors["__proto__"] = torch.tensor([1.0, 2.0])
    tensors["10"] = torch.tensor([3], dtype=torch.uint8)
    metadata = {"format": "pt", "note": "made by the reference"}
    (FOLDER / "reference.safetensors").write_bytes(safetensors.torch.save(tensors, metadata))
    write_json("reference", expected(tensors))


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    save_both("every-kind", every_kind(), every_kind())
    contents, tensors = checkpoint()
    save_both("checkpoint", contents, tensors)
    # Entries of newer versions of PyTorch, and an archive that was unpacked and packed again.
    newer = {".format_version": "1", ".storage_alignment": "64", "byteorder": "little", ".data/serialization_id": "0" * 40}
    repack("every-kind.zip.pth", "every-kind.newer.pth", zipfile.ZIP_STORED, newer)
    repack("every-kind.zip.pth", "every-kind.deflated.pth", zipfile.ZIP_DEFLATED, {})
    repack("checkpoint.zip.pth", "big-endian.pth", zipfile.ZIP_STORED, {"byteorder": "big"})
    repack("checkpoint.zip.pth", "torchscript.pth", zipfile.ZIP_STORED, {"constants.pkl": b"\x80\x02)."})
    torch.save(every_kind(), FOLDER / "every-kind.protocol4.pth", pickle_protocol=4)
    torch.save(every_kind(), FOLDER / "every-kind.protocol5-legacy.pth", pickle_protocol=5, _use_new_zipfile_serialization=False)
    evil_files()
    safetensors_files()


main()
