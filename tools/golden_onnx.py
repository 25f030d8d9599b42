#!/usr/bin/python3
"""Writes packages/predict/golden/tiny*.onnx, models of a few hundred bytes, and onnx.json with their predictions.

Run with a Python that has onnx, numpy, torchvision and Pillow (made with onnx 1.12.0, torchvision 0.14.1, Pillow 9.4.0).
"""
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from torchvision import transforms as T

OUT = Path(__file__).parent.parent / "packages" / "predict" / "golden"
PRESET = dict(resize=8, crop=8, interpolation="bilinear", mean=[0.5, 0.4, 0.3], std=[0.25, 0.2, 0.3])
CLASSES = ["blue", "green", "red"]
IMAGES = ["small.png", "landscape-bilinear-37-37.png", "portrait-bicubic-64-56.png", "grey-bicubic-37-37.png"]
WEIGHT = np.array([[-1.5, -0.5, 2], [-0.25, 1.75, -1], [2.25, -0.75, -0.5]], dtype=np.float32)
BIAS = np.array([0.25, -0.5, 0.125], dtype=np.float32)
METADATA = dict(
    version="0.1.0",
    model="tiny",
    classes=CLASSES,
    preset=PRESET,
    decision=dict(temperature=2, scale=[1, 1, 1], offset=[0, 0, 0.25]),
    classCounts=[5, 9, 9],
    config=dict(seed=7),
    dataFingerprint="abc",
    validation=dict(images=12, macroF1=0.5, low=0.25, high=0.75),
)


def model(names, metadata):
    pixels, logits = names
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", [pixels], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["features"], axis=1),
            helper.make_node("Gemm", ["features", "weight", "bias"], [logits], transB=1),
        ],
        "tiny",
        [helper.make_tensor_value_info(pixels, TensorProto.FLOAT, ["N", 3, 8, 8])],
        [helper.make_tensor_value_info(logits, TensorProto.FLOAT, ["N", 3])],
        [numpy_helper.from_array(WEIGHT, "weight"), numpy_helper.from_array(BIAS, "bias")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="golden")
    helper.set_model_props(made, {f"evenhand.{key}": json.dumps(value) for key, value in metadata.items()})
    onnx.checker.check_model(made, full_check=True)
    return made.SerializeToString()


def answer(name):
    """The logits of an image and the class chosen by the rule in the metadata, in double precision."""
    image = Image.open(OUT / name).convert("RGB")
    seen = T.Compose([T.Resize(PRESET["resize"]), T.CenterCrop(PRESET["crop"])])(image)
    pixels = (np.asarray(seen, dtype=np.float64) / 255 - PRESET["mean"]) / PRESET["std"]
    logits = WEIGHT.astype(np.float64) @ pixels.mean(axis=(0, 1)) + BIAS
    rule = METADATA["decision"]
    probabilities = np.exp(logits / rule["temperature"])
    probabilities /= probabilities.sum()
    label = CLASSES[np.argmax(rule["scale"] * probabilities + rule["offset"])]
    return dict(logits=logits.round(6).tolist(), label=label)


(OUT / "tiny.onnx").write_bytes(model(("pixel_values", "logits"), METADATA))
(OUT / "tiny-foreign.onnx").write_bytes(model(("images", "scores"), {}))
golden = dict(metadata=METADATA, answers={name: answer(name) for name in IMAGES})
(OUT / "onnx.json").write_text(json.dumps(golden, indent=1) + "\n")
