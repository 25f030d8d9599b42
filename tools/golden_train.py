"""Golden file of the training losses, computed by PyTorch and scikit-learn.

Run with Debian's Python (python3-torch 1.13, python3-sklearn 1.2): /usr/bin/python3 tools/golden_train.py
Writes packages/evenhand/golden/train/losses.json: the value of each loss and its gradient with respect to the logits.
"""

import json
import os

import numpy
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn.functional import cross_entropy, log_softmax, nll_loss, one_hot

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
COUNTS = [40, 3, 0, 11, 6]  # training images of each class, one of them absent
K = len(COUNTS)
SMOOTHING = 0.1
BETA = 0.9

torch.set_default_dtype(torch.float64)
torch.manual_seed(5)
LOGITS = (torch.randn(8, K) * 200).round() / 100
A = torch.tensor([0, 1, 3, 4, 0, 0, 3, 1])
B = torch.tensor([3, 0, 0, 4, 1, 4, 0, 3])
LAMBDA = 0.3


def balanced():
    """scikit-learn knows no absent classes; they get 1 here."""
    labels = numpy.repeat(numpy.arange(K), COUNTS)
    present = numpy.unique(labels)
    weights = numpy.ones(K)
    weights[present] = compute_class_weight("balanced", classes=present, y=labels)
    return torch.tensor(weights)


def effective_number():
    """Cui et al. 2019, equation (2), with weights that have the mean 1 over the classes present."""
    counts = numpy.array(COUNTS, dtype=float)
    present = counts > 0
    weights = numpy.ones(K)
    effective = (1 - BETA ** counts[present]) / (1 - BETA)
    weights[present] = present.sum() * (1 / effective) / (1 / effective).sum()
    return torch.tensor(weights)


def log_prior():
    """A class without images counts as if it had half an image."""
    counts = torch.tensor(COUNTS).double().clamp(min=0.5)
    return (counts / counts.sum()).log()


def weighted_before_smoothing(logits, labels, weight, smoothing):
    """The sum of each sample's smoothed loss times the weight of its class, divided by the sum of these weights."""
    each = cross_entropy(logits, labels, label_smoothing=smoothing, reduction="none")
    return (each * weight[labels]).sum() / weight[labels].sum()


def focal(logits, labels, gamma):
    """Lin et al. 2017 with a softmax: (1 - p)^gamma times the cross-entropy."""
    log_probability = -nll_loss(log_softmax(logits, 1), labels, reduction="none")
    return (-((1 - log_probability.exp()) ** gamma) * log_probability).mean()


def case(loss, logits=LOGITS):
    leaf = logits.clone().requires_grad_()
    value = loss(leaf)
    value.backward()
    return {"value": value.item(), "gradient": leaf.grad.flatten().tolist()}


weight = balanced()
soft = LAMBDA * one_hot(A, K) + (1 - LAMBDA) * one_hot(B, K)
# An image of the most frequent class with a confident model; the rarest class (1) is slightly more probable than the
# smoothed target.
TRAP = torch.tensor([[3.0, 0.0, -0.5, -0.5, -0.5]])
trap_label = torch.tensor([0])

golden = {
    "torch": torch.__version__,
    "counts": COUNTS,
    "smoothing": SMOOTHING,
    "beta": BETA,
    "logits": LOGITS.tolist(),
    "a": A.tolist(),
    "b": B.tolist(),
    "lambda": LAMBDA,
    "weights": {"weighted-loss": weight.tolist(), "effective-number": effective_number().tolist()},
    "losses": {
        "plain": case(lambda x: cross_entropy(x, A)),
        "smoothed": case(lambda x: cross_entropy(x, A, label_smoothing=SMOOTHING)),
        "weighted": case(lambda x: cross_entropy(x, A, weight=weight)),
        "weighted, smoothed": case(lambda x: weighted_before_smoothing(x, A, weight, SMOOTHING)),
        "effective-number": case(lambda x: cross_entropy(x, A, weight=effective_number())),
        "balanced-softmax": case(lambda x: cross_entropy(x + log_prior(), A)),
        "logit-adjust 1.5": case(lambda x: cross_entropy(x + 1.5 * log_prior(), A)),
        "focal 2": case(lambda x: focal(x, A, 2)),
        "focal 0.5": case(lambda x: focal(x, A, 0.5)),
        "mixed": case(lambda x: cross_entropy(x, soft)),
        "mixed, smoothed": case(lambda x: cross_entropy(x, soft, label_smoothing=SMOOTHING)),
    },
    "pytorchWeightedSmoothed": case(lambda x: cross_entropy(x, A, weight=weight, label_smoothing=SMOOTHING)),
    "trap": {
        "logits": TRAP.tolist(),
        "label": trap_label.tolist(),
        "pytorch": case(lambda x: cross_entropy(x, trap_label, weight=weight, label_smoothing=SMOOTHING), TRAP),
    },
}

path = os.path.join(ROOT, "packages/evenhand/golden/train/losses.json")
os.makedirs(os.path.dirname(path), exist_ok=True)
with open(path, "w", encoding="utf-8") as file:
    file.write(json.dumps(golden, separators=(",", ":"), allow_nan=False) + "\n")
print(os.path.normpath(path), os.path.getsize(path), "bytes")
