"""Golden file of the metrics: small random classification results and their scores by scikit-learn and PyTorch.

Run with a Python that has scikit-learn 1.x and torch: python3 tools/golden_metrics.py
Writes packages/evenhand/golden/metrics/scores.json.gz. Labels are base-36 digits, one character per image. The
logits of an image are whole numbers from 0 to 35, one character per class, divided by 4.
"""

import gzip
import json
import os
import warnings

import numpy
import torch
from sklearn import metrics

warnings.filterwarnings("ignore")  # about absent classes and 0/0, which the cases contain on purpose
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
OUT = os.path.join(os.path.dirname(__file__), "../packages/evenhand/golden/metrics/scores.json.gz")
random = numpy.random.default_rng(20260211)


def pack(numbers):
    return "".join(DIGITS[int(i)] for i in numpy.ravel(numbers))


def digits(value):
    return float(f"{float(value):.14g}")


def labels_case():
    k = int(random.integers(1, 31))
    n = int(random.integers(1, 31))
    classes = random.choice(k, size=int(random.integers(1, k + 1)), replace=False)
    truth = random.choice(classes, size=n)
    kind = random.integers(0, 10)
    if kind == 0:
        predicted = truth.copy()
    elif kind == 1 and k > 1:
        predicted = (truth + random.integers(1, k, size=n)) % k
    elif kind == 2:
        predicted = numpy.full(n, random.integers(0, k))
    else:
        right = random.random(n) < random.random()
        predicted = numpy.where(right, truth, random.integers(0, k, size=n))
    return k, truth, predicted


def label_scores(k, truth, predicted):
    everything = dict(labels=range(k), zero_division=0)
    return [
        digits(metrics.f1_score(truth, predicted, average="macro", **everything)),
        digits(metrics.f1_score(truth, predicted, average="macro", zero_division=0)),
        digits(metrics.f1_score(truth, predicted, average="micro", **everything)),
        digits(metrics.f1_score(truth, predicted, average="weighted", **everything)),
        digits(metrics.balanced_accuracy_score(truth, predicted)),
        digits(metrics.accuracy_score(truth, predicted)),
    ]


def per_class(k, truth, predicted):
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        truth, predicted, labels=range(k), zero_division=0
    )
    return {
        "precision": [digits(x) for x in precision],
        "recall": [digits(x) for x in recall],
        "f1": [digits(x) for x in f1],
        "support": [int(x) for x in support],
        "counts": metrics.confusion_matrix(truth, predicted, labels=range(k)).ravel().tolist(),
    }


def calibration_error(probabilities, truth, bins=15):
    """Guo et al. 2017, after the authors' temperature_scaling.py: bins (lower, upper]."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    error = 0.0
    for lower, upper in zip(numpy.linspace(0, 1, bins + 1)[:-1], numpy.linspace(0, 1, bins + 1)[1:]):
        inside = (confidence > lower) & (confidence <= upper)
        if inside.any():
            error += abs(confidence[inside].mean() - right[inside].mean()) * inside.mean()
    return error


def logits_case():
    k = int(random.integers(3, 21))
    n = int(random.integers(1, 21))
    truth = random.integers(0, k, size=n)
    scores = numpy.stack([random.permutation(36)[:k] for _ in range(n)])  # without ties, whose ranking is specific to scikit-learn
    logits = scores / 4
    probabilities = torch.softmax(torch.tensor(logits), 1)
    nll = torch.nn.functional.cross_entropy(torch.tensor(logits), torch.tensor(truth))
    # scikit-learn rejects k equal to the number of classes, for which the result is 1 by definition.
    top = [metrics.top_k_accuracy_score(truth, logits, k=i, labels=range(k)) if i < k else 1 for i in (1, 2, 5)]
    return [
        k,
        pack(truth),
        pack(scores),
        [digits(x) for x in (*top, nll, calibration_error(probabilities.numpy(), truth))],
    ]


cases = []
for i in range(2000):
    k, truth, predicted = labels_case()
    case = [k, pack(truth), pack(predicted), label_scores(k, truth, predicted)]
    cases.append(case if i >= 100 else [*case, per_class(k, truth, predicted)])
golden = {"labels": cases, "logits": [logits_case() for _ in range(200)]}
os.makedirs(os.path.dirname(OUT), exist_ok=True)
with open(OUT, "wb") as file, gzip.GzipFile(fileobj=file, mode="wb", mtime=0, filename="") as packed:
    packed.write(json.dumps(golden, separators=(",", ":")).encode())
print(os.path.getsize(OUT), "bytes")
