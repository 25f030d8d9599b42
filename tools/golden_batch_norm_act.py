"""Golden file of evenhand::batch_norm_act, the fused kernel: PyTorch's batch_norm and the activation after it.

Run with Debian's Python (python3-torch 1.13): /usr/bin/python3 tools/golden_batch_norm_act.py
Writes packages/torch/golden/ops/batch-norm-act.json.gz: for each input the output, the gradients of input, weight and
bias for a given gradient of the output, and the updated running statistics.
"""

import torch
from golden_tensors import leaf, pack, seed, values, write

ACTIVATIONS = ["none", "silu", "relu", "relu6", "hardswish", "sigmoid"]


def batch_norm_act(x, weight, bias, mean, var, training, momentum, eps, activation):
    z = torch.batch_norm(x, weight, bias, mean, var, training, momentum, eps, False)
    return z if activation == "none" else getattr(torch.ops.aten, activation)(z)


def fused(channels, shift=0.0):
    """One input with every activation, in training and evaluation mode."""
    shape = (2, channels, 3, 3)
    given = dict(
        input=values(*shape, scale=2, shift=shift),
        weight=values(channels),
        bias=values(channels),
        mean=values(channels, shift=shift),
        var=values(channels).abs() + 0.5,
        cotangent=values(*shape),
    )
    results = []
    for activation in ACTIVATIONS:
        for training in (True, False):
            # In float64, so that the reference is more precise than the kernel.
            inputs = [leaf(given[name].double()) for name in ("input", "weight", "bias")]
            mean, var = given["mean"].double(), given["var"].double()
            y = batch_norm_act(*inputs, mean, var, training, 0.1, 1e-3, activation)
            gradients = torch.autograd.grad(y, inputs, given["cotangent"].double())
            answers = dict(zip(("output", "input", "weight", "bias", "mean", "var"), (y, *gradients, mean, var)))
            packed = {name: pack(tensor.detach().float()) for name, tensor in answers.items()}
            results.append({"activation": activation, "training": training, "answers": packed})
    return {"channels": channels, "shift": shift, "given": {k: pack(v) for k, v in given.items()}, "results": results}


if __name__ == "__main__":
    seed(5)
    inputs = [fused(1), fused(5), fused(17), fused(5, shift=1000.0)]
    write("ops/batch-norm-act.json.gz", {"inputs": inputs})
