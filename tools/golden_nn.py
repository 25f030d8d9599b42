"""Golden file of the layers, of attention and of cross-entropy, computed by PyTorch and torchvision.

Run with Debian's Python (python3-torch 1.13, python3-torchvision 0.14): /usr/bin/python3 tools/golden_nn.py
Writes packages/torch/golden/nn/nn.json.gz. A case of a layer has its state dict, an input, the output, the gradients of
input and parameters for a given gradient of the output, and the updated buffers. `initial` has the values drawn by a seed.
"""

import torch
from golden_tensors import leaf, pack, seed, values, write
from torch import nn
from torchvision.ops.misc import Conv2dNormActivation, SqueezeExcitation

IMAGE = (2, 4, 6, 5)


class LayerNormWithoutBias(nn.Module):
    """PyTorch 2's LayerNorm(bias=False)."""

    def __init__(self, features, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.eps = eps

    def forward(self, x):
        return nn.functional.layer_norm(x, self.weight.shape, self.weight, None, self.eps)


class LayerNorm2d(nn.Module):
    """The definition: each pixel's channels minus their mean, divided by their standard deviation."""

    def __init__(self, channels, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x):
        variance, mean = torch.var_mean(x, 1, unbiased=False, keepdim=True)
        scaled = (x - mean) / torch.sqrt(variance + self.eps)
        return scaled * self.weight[:, None, None] + self.bias[:, None, None]


class QuickGELU(nn.Module):
    """Of OpenAI's CLIP, clip/model.py."""

    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


def layers():
    yield "conv2d", nn.Conv2d(4, 3, 3), IMAGE
    yield "conv2d strided", nn.Conv2d(4, 3, (3, 2), stride=(2, 1), padding=(1, 0), bias=False), IMAGE
    yield "conv2d dilated", nn.Conv2d(4, 3, 2, dilation=2), IMAGE
    yield "conv2d groups", nn.Conv2d(4, 6, 3, groups=2, padding=1), IMAGE
    yield "conv2d depthwise", nn.Conv2d(4, 4, 5, stride=2, groups=4, padding=2, bias=False), IMAGE
    yield "conv2d same", nn.Conv2d(4, 3, 4, padding="same"), IMAGE
    yield "linear", nn.Linear(5, 3), (4, 5)
    yield "linear without bias", nn.Linear(5, 3, bias=False), (4, 5)
    yield "batchNorm training", nn.BatchNorm2d(4), IMAGE
    yield "batchNorm settings", nn.BatchNorm2d(4, eps=1e-3, momentum=0.01), IMAGE
    yield "batchNorm evaluation", nn.BatchNorm2d(4).eval(), IMAGE
    for name in ("SiLU", "ReLU", "ReLU6", "Hardswish", "Sigmoid"):
        yield name, getattr(nn, name)(), (3, 7)
    yield "layerNorm", nn.LayerNorm(5), (2, 3, 5)
    yield "layerNorm settings", nn.LayerNorm(4, eps=1e-2), (5, 4)
    yield "layerNorm without bias", LayerNormWithoutBias(5, 1e-6), (2, 3, 5)
    yield "layerNorm2d", LayerNorm2d(4, 1e-6), IMAGE
    yield "GELU", nn.GELU(), (3, 7)
    yield "GELU tanh", nn.GELU(approximate="tanh"), (3, 7)
    yield "quickGELU", QuickGELU(), (3, 7)
    yield "adaptiveAvgPool2d", nn.AdaptiveAvgPool2d(1), IMAGE
    yield "adaptiveAvgPool2d two sizes", nn.AdaptiveAvgPool2d((3, 2)), IMAGE
    yield "avgPool2d", nn.AvgPool2d(2), IMAGE
    yield "avgPool2d strided", nn.AvgPool2d(3, stride=2, padding=1), IMAGE
    yield "maxPool2d", nn.MaxPool2d(2), IMAGE
    yield "maxPool2d strided", nn.MaxPool2d(3, stride=2, padding=1), IMAGE
    yield "flatten", nn.Flatten(), IMAGE
    yield "dropout evaluation", nn.Dropout(0.5).eval(), (3, 7)
    yield "squeezeExcitation", SqueezeExcitation(4, 2), IMAGE
    yield "squeezeExcitation activations", SqueezeExcitation(4, 3, nn.SiLU, nn.Hardswish), IMAGE
    yield "convNormActivation", Conv2dNormActivation(4, 6), IMAGE
    yield "convNormActivation depthwise", Conv2dNormActivation(4, 4, 5, 2, groups=4, activation_layer=nn.SiLU), IMAGE
    yield "convNormActivation linear", Conv2dNormActivation(4, 6, 1, activation_layer=None).eval(), IMAGE
    yield "sequential", nn.Sequential(
        nn.Conv2d(4, 6, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(6),
        nn.SiLU(),
        nn.Sequential(nn.Conv2d(6, 6, 1), nn.BatchNorm2d(6, eps=1e-3, momentum=0.01)),
        nn.Hardswish(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 3),
    ), IMAGE


def layer_case(name, module, shape):
    for key, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            drawn = values(*tensor.shape)
            tensor.copy_(drawn.abs() + 0.5 if key.endswith("running_var") else drawn)
    state = {key: pack(tensor.detach()) for key, tensor in module.state_dict().items()}
    x = leaf(values(*shape))
    y = module(x)
    cotangent = values(*y.shape)
    parameters = dict(module.named_parameters())
    gradients = torch.autograd.grad(y, [x, *parameters.values()], cotangent)
    return {
        "name": name,
        "training": module.training,
        "state": state,
        "input": pack(x.detach()),
        "output": pack(y.detach()),
        "cotangent": pack(cotangent),
        "gradients": {key: pack(gradient) for key, gradient in zip(["input", *parameters], gradients)},
        "buffers": {key: pack(buffer) for key, buffer in module.named_buffers()},
    }


def attention_case(name, mask=None):
    q, k, v = (leaf(values(2, 3, length, 5)) for length in (4, 6, 6))
    given = {"q": q, "k": k, "v": v} if mask is None else {"q": q, "k": k, "v": v, "mask": leaf(mask)}
    output, _ = torch._C._nn._scaled_dot_product_attention(q, k, v, given.get("mask"))
    cotangent = values(*output.shape)
    gradients = torch.autograd.grad(output, given.values(), cotangent)
    return {
        "name": name,
        "given": {key: pack(tensor) for key, tensor in given.items()},
        "output": pack(output.detach()),
        "cotangent": pack(cotangent),
        "gradients": {key: pack(gradient) for key, gradient in zip(given, gradients)},
    }


def attention_cases():
    excluded = values(4, 6)
    excluded[0, 1:] = excluded[2, 3] = -torch.inf
    return [
        attention_case("without a mask"),
        attention_case("with a mask", values(2, 3, 4, 6)),
        attention_case("with a mask for all images", values(1, 3, 4, 6)),
        attention_case("with a mask for all heads", values(2, 1, 4, 6)),
        attention_case("with excluded positions", excluded),
    ]


def initial_case():
    torch.manual_seed(42)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3, groups=4, bias=False), nn.BatchNorm2d(4), nn.Linear(4, 5))
    return {"seed": 42, "state": {key: pack(tensor.detach()) for key, tensor in net.state_dict().items()}}


def cross_entropy_cases():
    logits = leaf(values(5, 4, scale=2))
    hard = torch.tensor([2, 0, 3, 3, 1])
    soft = torch.softmax(values(5, 4, scale=2), 1)
    class_weight = torch.tensor([0.5, 2, 1.25, 0.1])
    cases = []
    for kind, target in (("hard", hard), ("soft", soft)):
        for weight in (None, class_weight):
            for smoothing in (0.0, 0.1):
                for reduction in ("none", "mean", "sum"):
                    loss = nn.functional.cross_entropy(logits, target, weight, reduction=reduction, label_smoothing=smoothing)
                    (gradient,) = torch.autograd.grad(loss.sum(), logits)
                    case = dict(target=kind, weighted=weight is not None, labelSmoothing=smoothing, reduction=reduction)
                    cases.append({**case, "loss": pack(loss.detach()), "gradient": pack(gradient)})
    given = {"logits": logits.detach(), "hard": hard, "soft": soft, "weight": class_weight}
    return {"given": {key: pack(tensor) for key, tensor in given.items()}, "cases": cases}


seed(3)
torch.manual_seed(3)
golden = {
    "layers": [layer_case(*layer) for layer in layers()],
    "initial": initial_case(),
    "attention": attention_cases(),
    "crossEntropy": cross_entropy_cases(),
}
write("nn/nn.json.gz", golden)
