"""Golden file of the operations: for each one in packages/torch/src/ops.ts at least one case that PyTorch computed.

Run with Debian's Python (python3-torch 1.13): /usr/bin/python3 tools/golden_ops.py
Writes packages/torch/golden/ops/ops.json.gz. A case has the arguments, the results (for an in-place operation, its changed
first argument), and the gradients of the arguments that require one, for given gradients of the results.
The names and schemas are read from ops.ts; the script fails if an operation has no case.
"""

import re

import torch
from golden_batch_norm_act import batch_norm_act
from golden_tensors import ROOT, leaf, pack, seed, values, write

source = open(f"{ROOT}/packages/torch/src/ops.ts").read()
SCHEMAS = dict(re.findall(r"export const (\w+) = op\(\s*'([^']+)'", source))
RANDOM = {"randn", "rand", "randperm", "normal_", "uniform_", "bernoulli_", "dropout"}
cases = []
inf, nan = float("inf"), float("nan")


def function(name):
    namespace, operation = SCHEMAS[name].split("(")[0].split("::")
    if namespace == "evenhand":
        return {"batch_norm_act": batch_norm_act, "depthwise_conv2d": depthwise_conv2d, "squeeze_excite": squeeze_excite}[operation]
    if name == "full":  # torch.ops converts a boolean to a number
        return torch.full
    operation, _, overload = operation.partition(".")
    return getattr(getattr(torch.ops.aten, operation), overload or "default")


def depthwise_conv2d(image, weight, bias=None, stride=1, padding=0):
    return torch.nn.functional.conv2d(image, weight, bias, stride, padding, 1, len(weight))


def squeeze_excite(image, reduce, reduce_bias, expand, expand_bias, activation, gate):
    functional = torch.nn.functional
    squeezed = getattr(functional, activation)(functional.conv2d(image.mean((2, 3), keepdim=True), reduce, reduce_bias))
    return image * getattr(functional, gate)(functional.conv2d(squeezed, expand, expand_bias))


def flat(value):
    return [tensor for item in value for tensor in flat(item)] if isinstance(value, (list, tuple)) else [value]


def write_value(value):
    if isinstance(value, torch.Tensor):
        return pack(value)
    if isinstance(value, list):
        return [write_value(item) for item in value]
    if isinstance(value, torch.dtype):
        return str(value).removeprefix("torch.")
    return {torch.channels_last: "channelsLast", torch.contiguous_format: "contiguous"}.get(value, value)


def camel_case(name):
    return re.sub("_([a-z])", lambda match: match[1].upper(), name)


def case(name, *arguments, note="", layout=False, defined=True, **options):
    """layout: strides must agree too. defined: False where the values are whatever was in memory."""
    packed = {"arguments": write_value(list(arguments)), "options": {camel_case(k): write_value(v) for k, v in options.items()}}
    in_place = "(a!)" in SCHEMAS[name]
    given = list(arguments)
    if in_place:  # a leaf cannot be changed in place, a copy can; the gradient passes through
        given[0] = [item.clone() for item in given[0]] if isinstance(given[0], list) else given[0].clone()
    if "Generator? generator," in SCHEMAS[name]:
        options["generator"] = None  # required in Python
    torch.manual_seed(1)
    answer = function(name)(*given, **options)
    answers = flat(given[0] if in_place else answer)
    tensors = [item for item in answers if isinstance(item, torch.Tensor)]
    answers = [write_value(item if defined else torch.zeros_like(item)) for item in answers]
    inputs = [item for item in flat(list(arguments)) if isinstance(item, torch.Tensor) and item.requires_grad]
    outputs = [item for item in tensors if item.requires_grad]
    cotangents = [values(*item.shape).to(item.dtype) for item in outputs]
    gradients = torch.autograd.grad(outputs, inputs, cotangents, allow_unused=True) if outputs else []
    cases.append(
        {
            "op": name,
            "note": note,
            **packed,
            "answers": answers,
            "cotangents": [pack(item) for item in cotangents],
            "gradients": [item if item is None else pack(item) for item in gradients],
            "random": name in RANDOM,
            "layout": layout,
            "defined": defined,
        }
    )


def x(*shape, **options):
    """An input that requires a gradient."""
    return leaf(values(*shape, **options))


def positive(*shape):
    return leaf(values(*shape).abs() + 0.25)


def distinct(*shape):
    """Values without ties, for which gradients and order would be undefined."""
    count = torch.Size(shape).numel()
    return leaf((torch.randperm(count, generator=torch.Generator().manual_seed(count)) - count / 2).reshape(shape) / 4)


def indices(*items):
    return torch.tensor(items)


def channels_last(tensor):
    return leaf(tensor.detach().contiguous(memory_format=torch.channels_last))


def creation():
    case("zeros", [2, 3])
    case("zeros", [], dtype=torch.int64, note="no dimensions")
    case("ones", [3], dtype=torch.float16)
    case("full", [2, 2], 1.5)
    case("full", [2], 7, note="a whole number makes integers")
    case("full", [2], True, note="a truth value makes booleans")
    case("empty", [2, 3, 4, 5], memory_format=torch.channels_last, defined=False, layout=True)
    case("arange", 5)
    case("arange", 2.5)
    case("randn", [4, 5], note="20 numbers, drawn in vectors")
    case("randn", [3, 5], note="15 numbers, drawn one by one")
    case("rand", [4, 5], dtype=torch.float64)
    case("randperm", 20)
    case("zerosLike", x(2, 2))
    case("onesLike", channels_last(x(2, 3, 2, 2)), layout=True)
    case("onesLike", x(2), dtype=torch.bool)
    case("emptyLike", channels_last(x(2, 3, 2, 2)), defined=False, layout=True)


def filling():
    case("normal_", torch.zeros(4, 5), 3, 0.5)
    case("normal_", torch.zeros(2, 5))
    case("uniform_", torch.zeros(4, 5), -2, 2)
    case("fill_", x(2, 2), 1.25)
    case("fill_", torch.zeros(2, dtype=torch.int64), 3)
    case("zero_", x(2, 2))
    case("copy_", x(2, 3), x(3), note="broadcast")
    case("copy_", torch.zeros(3), torch.tensor([1, 2, 3]), note="converts")
    case("bernoulli_", torch.zeros(4, 5), 0.3)


def shape_and_type():
    case("reshape", x(2, 6), [3, -1], layout=True)
    case("permute", x(2, 3, 4), [2, 0, 1], layout=True)
    case("transpose", x(2, 3), 0, -1, layout=True)
    case("flatten", x(2, 3, 4), 1)
    case("flatten", x(2, 3))
    case("squeeze", x(2, 1, 3), 1)
    case("unsqueeze", x(2, 3), -1)
    case("expand", x(2, 1), [2, 3], layout=True)
    case("cat", [x(2, 3), x(1, 3)])
    case("cat", [x(2, 3), x(2, 1)], 1)
    case("stack", [x(2, 3), x(2, 3)], -1)
    case("narrow", x(4, 3), 0, 1, 2)
    case("slice", x(5, 4), 0, 1, None, 2)
    case("slice", x(5, 4), 1, -3, -1)
    case("select", x(3, 4), 1, -1)
    case("indexSelect", x(3, 2), 0, indices(2, 0, 2))
    case("gather", x(2, 3), 1, indices([0, 0], [2, 1]))
    case("flip", x(2, 3), [1])
    case("unbind", x(3, 2, 2))
    case("unbind", x(2, 3), -1)
    case("chunk", x(2, 6), 2, -1)
    case("chunk", x(5, 2), 2, note="uneven")
    case("roll", x(2, 3, 4), [1, -2], [1, 2])
    case("roll", x(2, 3), 1, note="all dimensions as one")
    case("contiguous", channels_last(x(2, 3, 2, 2)), layout=True)
    case("contiguous", x(2, 3, 2, 2), memory_format=torch.channels_last, layout=True)
    case("clone", channels_last(x(2, 3, 2, 2)), layout=True)
    case("clone", x(2, 3, 2, 2), memory_format=torch.channels_last, layout=True)
    case("detach", x(3))
    for dtype in (torch.float64, torch.float16, torch.bfloat16):
        case("to", x(4), dtype=dtype)
    case("to", torch.tensor([-1.5, 0, 2.7]), dtype=torch.int64)
    case("to", torch.tensor([0, 1, 255], dtype=torch.uint8), dtype=torch.float32)
    case("to", torch.tensor([0.0, 0.5, -3]), dtype=torch.bool)
    case("to", x(1, 2, 2, 2), memory_format=torch.channels_last, copy=True, layout=True)
    case("constantPadNd", x(2, 2), [1, 2], 0.5)
    case("constantPadNd", x(2, 3, 3), [1, 0, -1, 1])
    case("oneHot", indices(1, 0, 2))
    case("oneHot", indices(1, 0), 4)


def arithmetic():
    case("add", x(2, 3), x(3), alpha=-2)
    case("add", torch.tensor([1, 2]), torch.tensor([3, 4]))
    case("add", torch.tensor([1, 2]), x(2), note="integers and floats")
    case("addScalar", x(3), 0.5, 2)
    case("addScalar", torch.tensor([1, 2]), 3, note="integers stay integers")
    case("add_", x(2, 3), x(3), alpha=0.5)
    case("addScalar_", x(3), 1.5)
    case("addScalar_", torch.tensor(41), 1, note="a counter")
    case("sub", x(2, 3), x(2, 1))
    case("subScalar", x(3), 0.5)
    case("mul", x(2, 3), x(3))
    case("mulScalar", x(3), -0.5)
    case("mul_", x(2, 3), x(2, 3))
    case("mulScalar_", x(3), 3)
    case("div", x(2, 3), positive(3))
    case("div", torch.tensor([1, 4]), torch.tensor([2, 3]), note="integers divide truly")
    case("divScalar", x(3), 4)
    case("div_", x(2, 3), positive(2, 3))
    for name in ("neg", "exp", "sin", "cos"):
        case(name, x(2, 3))
    case("abs", distinct(3))
    for name in ("sqrt", "rsqrt", "log"):
        case(name, positive(2, 3))
    case("pow", x(4), 3)
    case("pow", positive(4), -0.5)
    case("clamp", distinct(7), -0.6, 0.4)
    case("clamp", distinct(5), None, 0.3)
    case("maximum", x(4), x(4))
    case("minimum", x(4), x(4))
    case("where", torch.tensor([True, False, True]), x(3), x(3))


def comparison():
    case("eq", torch.tensor([1, 2, 3]), torch.tensor([1, 0, 3]))
    case("eqScalar", torch.tensor([1.0, 2]), 2)
    case("gtScalar", x(5), 0)
    case("ltScalar", x(5), 0)
    case("isfinite", torch.tensor([1, nan, inf, -inf]))
    case("logicalNot", torch.tensor([True, False]))
    case("equal", torch.ones(2), torch.ones(2))
    case("equal", torch.ones(2), torch.zeros(2))


def reduction():
    case("sum", x(2, 3))
    case("sum", torch.tensor([True, True, False]), note="counts")
    case("sumDim", x(2, 3, 4), [0, 2], True)
    case("sumDim", x(2, 3), 1, note="a number for int[1]")
    case("mean", x(2, 3))
    case("meanDim", x(2, 3, 4), [-1, -2])
    case("amax", distinct(2, 3, 2), [0, 2])
    case("amax", distinct(4))
    case("argmax", distinct(2, 5), 1)
    case("argmax", distinct(2, 5))
    case("max", distinct(2, 5), 1)
    case("topk", distinct(2, 6), 3)
    case("topk", distinct(6), 2, 0, False)
    case("sort", distinct(2, 5))
    case("sort", distinct(5), 0, True)
    case("vectorNorm", x(2, 3))
    case("vectorNorm", distinct(2, 3), 1, [1], True)
    case("all", torch.tensor([True, False]))
    case("any", torch.tensor([True, False]))
    case("cumsum", x(2, 4), 1)
    case("logsumexp", x(2, 4, scale=30), [1])


def products():
    case("matmul", x(2, 3, 4), x(4, 2))
    case("addmm", x(2), x(3, 4), x(4, 2), beta=0.5, alpha=2)
    case("bmm", x(2, 3, 4), x(2, 4, 2))
    # of a diagonal matrix, because LAPACK chooses the sign of an eigenvector
    case("linalgEigh", torch.diag(torch.tensor([3.0, 1.0, 2.0])))
    case("linear", x(3, 4), x(2, 4), x(2))
    case("linear", x(3, 4), x(2, 4))


def convolution():
    image = x(2, 4, 6, 5)
    case("conv2d", image, x(3, 4, 3, 3), x(3), note="plain")
    case("conv2d", image, x(3, 4, 1, 1), note="pointwise, no bias")
    case("conv2d", image, x(3, 4, 3, 3), None, 2, 1, note="stride 2, padding 1")
    case("conv2d", image, x(3, 4, 3, 2), x(3), [1, 2], [2, 0], note="stride and padding of two numbers")
    case("conv2d", image, x(3, 4, 2, 2), x(3), 1, 1, [2, 1], note="dilation")
    case("conv2d", image, x(6, 2, 3, 3), x(6), 1, 1, 1, 2, note="two groups")
    case("conv2d", image, x(4, 1, 3, 3), None, 1, 1, 1, 4, note="depthwise")
    case("conv2d", image, x(8, 1, 5, 5), x(8), 2, 2, 1, 4, note="depthwise, two filters a channel, stride 2")
    case("conv2d", channels_last(image), channels_last(x(4, 1, 3, 3)), None, 1, 1, 1, 4, note="depthwise, channels-last", layout=True)
    case("conv2d", channels_last(image), channels_last(x(3, 4, 3, 3)), x(3), 1, 1, note="channels-last", layout=True)
    case("conv2dPadded", image, x(3, 4, 3, 3), x(3), 1, "same")
    case("conv2dPadded", image, x(3, 4, 2, 2), None, 1, "same", 2, note="dilation, an even kernel")
    case("conv2dPadded", image, x(4, 1, 3, 3), None, [2, 1], "valid", 1, 4, note="depthwise")
    case("depthwiseConv2d", image, x(4, 1, 3, 2), x(4), [1, 2], 1)
    case("depthwiseConv2d", channels_last(image), x(4, 1, 5, 5), x(4), 2, 2, note="channels-last", layout=True)
    image = x(2, 4, 2, 3)
    for activation in ("silu", "relu", "relu6", "gelu", "hardswish"):
        gate = "sigmoid" if activation in ("silu", "relu6") else "hardsigmoid"
        weights = x(2, 4, 1, 1), x(2), x(4, 2, 1, 1), x(4)
        case("squeezeExcite", channels_last(image), *weights, activation, gate, note=activation, layout=True)
    case("squeezeExcite", image, *weights, "relu", "sigmoid", note="not channels-last")


def normalisation():
    for training in (True, False):
        mode = "training" if training else "evaluation"
        statistics = values(3), values(3).abs() + 0.5
        case("batchNorm", x(2, 3, 3, 2), x(3), x(3), *statistics, training, 0.1, 1e-5, False, note=mode)
        case("batchNormAct", x(2, 3, 3, 2), x(3), x(3), *statistics, training, 0.1, 1e-5, "silu", note=mode)
    case("batchNorm", x(2, 3, 3, 2), None, None, None, None, True, 0.1, 1e-5, False, note="no parameters")
    layer = channels_last(x(2, 3, 3, 2)), x(3), x(3), *statistics
    case("batchNorm", *layer, True, 0.01, 1e-3, False, note="channels-last")
    case("batchNormAct", *layer, True, 0.01, 1e-3, "none", note="channels-last", layout=True)


def layers():
    for name in ("relu", "relu6", "silu", "sigmoid", "hardswish", "hardsigmoid"):
        case(name, x(2, 9, scale=4))
    case("relu_", x(2, 9, scale=2))
    case("tanh", x(2, 9, scale=2))
    case("gelu", x(2, 9, scale=4))
    case("gelu", x(2, 9, scale=4), approximate="tanh")
    case("layerNorm", x(2, 3, 6), [6], x(6), x(6))
    case("layerNorm", x(2, 3, 6), [3, 6], None, None, 1e-3, note="no parameters")
    case("upsampleBicubic2dAa", x(1, 2, 6, 5), [4, 3], False, note="smaller")
    case("upsampleBicubic2dAa", x(1, 2, 3, 4), [5, 7], False, note="larger")
    case("dropout", x(4, 5), 0.4, True)
    case("dropout", x(4, 5), 0.4, False, note="evaluation")
    case("adaptiveAvgPool2d", x(2, 2, 5, 4), [1, 1])
    case("adaptiveAvgPool2d", channels_last(x(2, 2, 5, 4)), [3, 2])
    case("avgPool2d", x(1, 2, 5, 4), [2, 2])
    case("avgPool2d", x(1, 2, 5, 4), 3, 2, 1, True, False)
    case("maxPool2d", distinct(1, 2, 5, 4), [2, 2])
    case("maxPool2d", distinct(1, 2, 7, 6), 3, 2, 1, 2, True)


def losses():
    case("softmax", x(2, 4, scale=3), 1)
    case("softmax", x(2, 4, scale=3), 0, torch.float64)
    case("logSoftmax", x(2, 4, scale=30), -1)
    logits, target, weight = x(4, 3, scale=2), indices(2, 0, 1, 2), positive(3).detach()
    soft = torch.softmax(values(4, 3, scale=2), 1)
    case("crossEntropyLoss", logits, target, note="hard")
    case("crossEntropyLoss", logits, target, weight, note="hard, weighted")
    case("crossEntropyLoss", logits, target, weight, 1, -100, 0.1, note="hard, weighted, smoothed")
    case("crossEntropyLoss", logits, indices(2, -100, 1, 2), None, 2, -100, 0.2, note="ignored index, sum")
    case("crossEntropyLoss", logits, soft, note="soft")
    case("crossEntropyLoss", logits, leaf(soft), weight, 0, -100, 0.1, note="soft, weighted, smoothed, each")
    case("nllLoss", logits, target, weight)
    case("nllLoss", logits, target, None, 0)


def lists():
    # Optimizers run without gradients, and PyTorch has none for some of these.
    def tensors():
        return [values(2, 3), values(4)]

    def above_zero():
        return [item.abs() + 0.25 for item in tensors()]

    case("foreachAdd_", tensors(), tensors(), alpha=-0.5)
    case("foreachAddScalar_", tensors(), 1e-8)
    case("foreachAdd", tensors(), tensors(), alpha=0.1)
    case("foreachMul_", tensors(), tensors())
    case("foreachMulScalar_", tensors(), 0.9)
    case("foreachMulScalar", tensors(), 2)
    case("foreachDivScalar_", tensors(), 3)
    case("foreachDivScalars_", tensors(), [0.5, 3.0])
    case("foreachAddcmul_", tensors(), tensors(), tensors(), 0.1)
    case("foreachAddcdiv_", tensors(), tensors(), above_zero(), -0.1)
    case("foreachAddcdivScalars_", tensors(), tensors(), above_zero(), [-0.1, 0.25])
    case("foreachSqrt", above_zero())
    case("foreachNorm", tensors())
    case("foreachNorm", tensors(), 1)
    case("foreachZero_", tensors())


seed(2)
for group in (creation, filling, shape_and_type, arithmetic, comparison, reduction, products):
    group()
for group in (convolution, normalisation, layers, losses, lists):
    group()
missing = SCHEMAS.keys() - {each["op"] for each in cases}
assert not missing, f"no case for {', '.join(sorted(missing))}"
write("ops/ops.json.gz", {"cases": cases})
