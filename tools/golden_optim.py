"""Golden file of optimizers, clipping and schedules, computed by PyTorch.

Run with Debian's Python (python3-torch 1.13): /usr/bin/python3 tools/golden_optim.py
Writes packages/torch/golden/optim/optim.json.gz: parameters in two groups, their gradients at each of three steps (one
parameter has none at the first step), and the parameters after each step.
"""

import math

import torch
from golden_tensors import leaf, pack, seed, values, write
from torch.optim import SGD, AdamW
from torch.optim.lr_scheduler import LambdaLR

STEPS = 3
SHAPES = [[(3, 2), (4,)], [(2, 2, 1, 1), ()]]
SETTINGS = {
    "adamw": (AdamW, dict(), [dict(lr=1e-2, weight_decay=0.1), dict(lr=3e-3, weight_decay=0.0)]),
    "adamw betas": (AdamW, dict(betas=(0.8, 0.95), eps=1e-4), [dict(lr=0.1), dict(lr=0.02, weight_decay=0.5)]),
    "sgd": (SGD, dict(), [dict(lr=0.1), dict(lr=0.02, weight_decay=0.1)]),
    "sgd momentum": (SGD, dict(momentum=0.9), [dict(lr=0.1, weight_decay=0.01), dict(lr=0.02)]),
    "sgd nesterov": (SGD, dict(momentum=0.9, nesterov=True), [dict(lr=0.1, weight_decay=0.01), dict(lr=0.02)]),
}


def gradients():
    drawn = [[[values(*shape) for shape in group] for group in SHAPES] for _ in range(STEPS)]
    drawn[0][1][1] = None  # a parameter without a gradient at the first step
    return drawn


def optimizer_case(kind, shared, groups):
    initial = [[values(*shape) for shape in group] for group in SHAPES]
    parameters = [[leaf(tensor) for tensor in group] for group in initial]
    given = gradients()
    given_groups = [dict(params=tensors, **settings) for tensors, settings in zip(parameters, groups)]
    optimizer = kind(given_groups, **{"lr": 1e-3, **shared}, foreach=True)
    after = []
    for step in given:
        for tensors, grads in zip(parameters, step):
            for tensor, grad in zip(tensors, grads):
                tensor.grad = None if grad is None else grad.clone()
        optimizer.step()
        after.append([[pack(tensor.detach()) for tensor in group] for group in parameters])
    return {
        "parameters": [[pack(tensor) for tensor in group] for group in initial],
        "gradients": [[[None if g is None else pack(g) for g in group] for group in step] for step in given],
        "after": after,
    }


def clip_case(max_norm):
    parameters = [leaf(values(2, 3)), leaf(values(4))]
    for parameter in parameters:
        parameter.grad = values(*parameter.shape)
    before = [pack(parameter.grad) for parameter in parameters]
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    return {"maxNorm": max_norm, "norm": norm.item(), "before": before, "after": [pack(p.grad) for p in parameters]}


def schedule_case(name, factor, steps):
    optimizer = SGD([leaf(values(1))], lr=1.0)
    schedule = LambdaLR(optimizer, factor)
    rates = []
    for _ in range(steps):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return {"name": name, "factors": rates}


def warm(step, warmup, shape):
    return (step + 1) / warmup if step < warmup else shape(step - warmup)


def cosine(step, steps):
    return 0.5 * (1 + math.cos(math.pi * step / max(1, steps)))


seed(4)
golden = {
    "optimizers": {name: optimizer_case(*setting) for name, setting in SETTINGS.items()},
    "clip": [clip_case(max_norm) for max_norm in (0.5, 100.0)],
    "schedules": [
        schedule_case("cosine", lambda s: warm(s, 4, lambda t: cosine(t, 16)), 20),
        schedule_case("cosine to a floor", lambda s: 0.1 + 0.9 * cosine(s, 10), 10),
        schedule_case("linear", lambda s: warm(s, 3, lambda t: 1 - t / 9), 12),
        schedule_case("constant", lambda s: warm(s, 3, lambda t: 1.0), 8),
    ],
}
write("optim/optim.json.gz", golden)
