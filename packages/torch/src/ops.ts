// One line per operation: its name here and its schema in libtorch, from which TypeScript derives the types. A test
// compares each schema with the loaded libtorch. To add an operation, copy its schema from PyTorch's
// native_functions.yaml (or print it with `torch.ops.aten.NAME.OVERLOAD._schema`), write `int` for `SymInt`, and add a
// case to tools/golden_ops.py.
import { op } from './op.js';

// Creation
export const zeros = op(
  'aten::zeros(int[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor',
);
export const ones = op(
  'aten::ones(int[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor',
);
export const full = op(
  'aten::full(int[] size, Scalar fill_value, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor',
);
export const empty = op(
  'aten::empty.memory_format(int[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor',
);
export const arange = op(
  'aten::arange(Scalar end, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor',
);
export const randn = op(
  'aten::randn.generator(int[] size, *, Generator? generator, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor',
);
export const rand = op(
  'aten::rand.generator(int[] size, *, Generator? generator, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor',
);
export const randperm = op(
  'aten::randperm.generator(int n, *, Generator? generator, ScalarType? dtype=4, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor',
);
export const zerosLike = op(
  'aten::zeros_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor',
);
export const onesLike = op(
  'aten::ones_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor',
);
export const emptyLike = op(
  'aten::empty_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor',
);

// In-place initialization
export const normal_ = op(
  'aten::normal_(Tensor(a!) self, float mean=0., float std=1., *, Generator? generator=None) -> Tensor(a!)',
);
export const uniform_ = op(
  'aten::uniform_(Tensor(a!) self, float from=0., float to=1., *, Generator? generator=None) -> Tensor(a!)',
);
export const fill_ = op('aten::fill_.Scalar(Tensor(a!) self, Scalar value) -> Tensor(a!)');
export const zero_ = op('aten::zero_(Tensor(a!) self) -> Tensor(a!)');
export const copy_ = op('aten::copy_(Tensor(a!) self, Tensor src, bool non_blocking=False) -> Tensor(a!)');
export const bernoulli_ = op(
  'aten::bernoulli_.float(Tensor(a!) self, float p=0.5, *, Generator? generator=None) -> Tensor(a!)',
);

// Shape, layout and type
export const reshape = op('aten::reshape(Tensor(a) self, int[] shape) -> Tensor(a)');
export const permute = op('aten::permute(Tensor(a) self, int[] dims) -> Tensor(a)');
export const transpose = op('aten::transpose.int(Tensor(a) self, int dim0, int dim1) -> Tensor(a)');
export const flatten = op('aten::flatten.using_ints(Tensor(a) self, int start_dim=0, int end_dim=-1) -> Tensor(a)');
export const squeeze = op('aten::squeeze.dim(Tensor(a) self, int dim) -> Tensor(a)');
export const unsqueeze = op('aten::unsqueeze(Tensor(a) self, int dim) -> Tensor(a)');
export const expand = op('aten::expand(Tensor(a) self, int[] size, *, bool implicit=False) -> Tensor(a)');
export const cat = op('aten::cat(Tensor[] tensors, int dim=0) -> Tensor');
export const stack = op('aten::stack(Tensor[] tensors, int dim=0) -> Tensor');
export const narrow = op('aten::narrow(Tensor(a) self, int dim, int start, int length) -> Tensor(a)');
export const slice = op(
  'aten::slice.Tensor(Tensor(a) self, int dim=0, int? start=None, int? end=None, int step=1) -> Tensor(a)',
);
export const select = op('aten::select.int(Tensor(a) self, int dim, int index) -> Tensor(a)');
export const indexSelect = op('aten::index_select(Tensor self, int dim, Tensor index) -> Tensor');
export const gather = op('aten::gather(Tensor self, int dim, Tensor index, *, bool sparse_grad=False) -> Tensor');
export const unbind = op('aten::unbind.int(Tensor(a -> *) self, int dim=0) -> Tensor(a)[]');
export const chunk = op('aten::chunk(Tensor(a -> *) self, int chunks, int dim=0) -> Tensor(a)[]');
export const roll = op('aten::roll(Tensor self, int[1] shifts, int[1] dims=[]) -> Tensor');
export const flip = op('aten::flip(Tensor self, int[] dims) -> Tensor');
export const contiguous = op('aten::contiguous(Tensor(a) self, *, MemoryFormat memory_format=0) -> Tensor(a)');
export const clone = op('aten::clone(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor');
export const detach = op('aten::detach(Tensor(a) self) -> Tensor(a)');
export const to = op(
  'aten::to.dtype_layout(Tensor(a) self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, bool non_blocking=False, bool copy=False, MemoryFormat? memory_format=None) -> Tensor(a)',
);
export const constantPadNd = op('aten::constant_pad_nd(Tensor self, int[] pad, Scalar value=0) -> Tensor');
export const oneHot = op('aten::one_hot(Tensor self, int num_classes=-1) -> Tensor');

// Arithmetic
export const add = op('aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor');
export const addScalar = op('aten::add.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor');
export const add_ = op('aten::add_.Tensor(Tensor(a!) self, Tensor other, *, Scalar alpha=1) -> Tensor(a!)');
export const addScalar_ = op('aten::add_.Scalar(Tensor(a!) self, Scalar other, Scalar alpha=1) -> Tensor(a!)');
export const sub = op('aten::sub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor');
export const subScalar = op('aten::sub.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor');
export const mul = op('aten::mul.Tensor(Tensor self, Tensor other) -> Tensor');
export const mulScalar = op('aten::mul.Scalar(Tensor self, Scalar other) -> Tensor');
export const mul_ = op('aten::mul_.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)');
export const mulScalar_ = op('aten::mul_.Scalar(Tensor(a!) self, Scalar other) -> Tensor(a!)');
export const div = op('aten::div.Tensor(Tensor self, Tensor other) -> Tensor');
export const divScalar = op('aten::div.Scalar(Tensor self, Scalar other) -> Tensor');
export const div_ = op('aten::div_.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)');
export const neg = op('aten::neg(Tensor self) -> Tensor');
export const abs = op('aten::abs(Tensor self) -> Tensor');
export const sqrt = op('aten::sqrt(Tensor self) -> Tensor');
export const rsqrt = op('aten::rsqrt(Tensor self) -> Tensor');
export const exp = op('aten::exp(Tensor self) -> Tensor');
export const log = op('aten::log(Tensor self) -> Tensor');
export const sin = op('aten::sin(Tensor self) -> Tensor');
export const cos = op('aten::cos(Tensor self) -> Tensor');
export const pow = op('aten::pow.Tensor_Scalar(Tensor self, Scalar exponent) -> Tensor');
export const clamp = op('aten::clamp(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor');
export const maximum = op('aten::maximum(Tensor self, Tensor other) -> Tensor');
export const minimum = op('aten::minimum(Tensor self, Tensor other) -> Tensor');
export const where = op('aten::where.self(Tensor condition, Tensor self, Tensor other) -> Tensor');

// Comparison
export const eq = op('aten::eq.Tensor(Tensor self, Tensor other) -> Tensor');
export const eqScalar = op('aten::eq.Scalar(Tensor self, Scalar other) -> Tensor');
export const gtScalar = op('aten::gt.Scalar(Tensor self, Scalar other) -> Tensor');
export const ltScalar = op('aten::lt.Scalar(Tensor self, Scalar other) -> Tensor');
export const isfinite = op('aten::isfinite(Tensor self) -> Tensor');
export const logicalNot = op('aten::logical_not(Tensor self) -> Tensor');
export const equal = op('aten::equal(Tensor self, Tensor other) -> bool');

// Reduction and sorting
export const sum = op('aten::sum(Tensor self, *, ScalarType? dtype=None) -> Tensor');
export const sumDim = op(
  'aten::sum.dim_IntList(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor',
);
export const mean = op('aten::mean(Tensor self, *, ScalarType? dtype=None) -> Tensor');
export const meanDim = op(
  'aten::mean.dim(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor',
);
export const amax = op('aten::amax(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor');
export const argmax = op('aten::argmax(Tensor self, int? dim=None, bool keepdim=False) -> Tensor');
export const max = op('aten::max.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)');
export const topk = op(
  'aten::topk(Tensor self, int k, int dim=-1, bool largest=True, bool sorted=True) -> (Tensor values, Tensor indices)',
);
export const sort = op('aten::sort(Tensor self, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)');
export const vectorNorm = op(
  'aten::linalg_vector_norm(Tensor self, Scalar ord=2, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor',
);
export const all = op('aten::all(Tensor self) -> Tensor');
export const any = op('aten::any(Tensor self) -> Tensor');
export const cumsum = op('aten::cumsum(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor');
export const logsumexp = op('aten::logsumexp(Tensor self, int[1] dim, bool keepdim=False) -> Tensor');

// Matrix products
export const matmul = op('aten::matmul(Tensor self, Tensor other) -> Tensor');
export const addmm = op(
  'aten::addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor',
);
export const bmm = op('aten::bmm(Tensor self, Tensor mat2) -> Tensor');
export const linalgEigh = op(
  'aten::linalg_eigh(Tensor self, str UPLO="L") -> (Tensor eigenvalues, Tensor eigenvectors)',
);
export const linear = op('aten::linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor');

// Layers
export const conv2d = op(
  'aten::conv2d(Tensor input, Tensor weight, Tensor? bias=None, int[2] stride=1, int[2] padding=0, int[2] dilation=1, int groups=1) -> Tensor',
);
export const conv2dPadded = op(
  'aten::conv2d.padding(Tensor input, Tensor weight, Tensor? bias=None, int[2] stride=1, str padding="valid", int[2] dilation=1, int groups=1) -> Tensor',
);
export const depthwiseConv2d = op(
  'evenhand::depthwise_conv2d(Tensor input, Tensor weight, Tensor? bias=None, int[2] stride=1, int[2] padding=0) -> Tensor',
);
export const batchNorm = op(
  'aten::batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool training, float momentum, float eps, bool cudnn_enabled) -> Tensor',
);
export const batchNormAct = op(
  'evenhand::batch_norm_act(Tensor input, Tensor weight, Tensor bias, Tensor running_mean, Tensor running_var, bool training, float momentum, float eps, str activation) -> Tensor',
);
export const squeezeExcite = op(
  'evenhand::squeeze_excite(Tensor input, Tensor reduce, Tensor reduce_bias, Tensor expand, Tensor expand_bias, str activation, str gate) -> Tensor',
);
export const layerNorm = op(
  'aten::layer_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, Tensor? bias=None, float eps=1.0000000000000001e-05, bool cudnn_enable=True) -> Tensor',
);
export const gelu = op('aten::gelu(Tensor self, *, str approximate="none") -> Tensor');
export const tanh = op('aten::tanh(Tensor self) -> Tensor');
export const relu = op('aten::relu(Tensor self) -> Tensor');
export const relu_ = op('aten::relu_(Tensor(a!) self) -> Tensor(a!)');
export const relu6 = op('aten::relu6(Tensor self) -> Tensor');
export const silu = op('aten::silu(Tensor self) -> Tensor');
export const sigmoid = op('aten::sigmoid(Tensor self) -> Tensor');
export const hardswish = op('aten::hardswish(Tensor self) -> Tensor');
export const hardsigmoid = op('aten::hardsigmoid(Tensor self) -> Tensor');
export const dropout = op('aten::dropout(Tensor input, float p, bool train) -> Tensor');
export const adaptiveAvgPool2d = op('aten::adaptive_avg_pool2d(Tensor self, int[2] output_size) -> Tensor');
export const avgPool2d = op(
  'aten::avg_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, bool ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor',
);
export const maxPool2d = op(
  'aten::max_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, int[2] dilation=1, bool ceil_mode=False) -> Tensor',
);
export const upsampleBicubic2dAa = op(
  'aten::_upsample_bicubic2d_aa(Tensor self, int[2] output_size, bool align_corners, float? scales_h=None, float? scales_w=None) -> Tensor',
);

// Losses
export const softmax = op('aten::softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor');
export const logSoftmax = op('aten::log_softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor');
export const crossEntropyLoss = op(
  'aten::cross_entropy_loss(Tensor self, Tensor target, Tensor? weight=None, int reduction=1, int ignore_index=-100, float label_smoothing=0.) -> Tensor',
);
export const nllLoss = op(
  'aten::nll_loss_nd(Tensor self, Tensor target, Tensor? weight=None, int reduction=1, int ignore_index=-100) -> Tensor',
);

// Lists of tensors, for optimizers
export const foreachAdd_ = op('aten::_foreach_add_.List(Tensor(a!)[] self, Tensor[] other, *, Scalar alpha=1) -> ()');
export const foreachAddScalar_ = op('aten::_foreach_add_.Scalar(Tensor(a!)[] self, Scalar scalar) -> ()');
export const foreachAdd = op('aten::_foreach_add.List(Tensor[] self, Tensor[] other, *, Scalar alpha=1) -> Tensor[]');
export const foreachMul_ = op('aten::_foreach_mul_.List(Tensor(a!)[] self, Tensor[] other) -> ()');
export const foreachMulScalar_ = op('aten::_foreach_mul_.Scalar(Tensor(a!)[] self, Scalar scalar) -> ()');
export const foreachMulScalar = op('aten::_foreach_mul.Scalar(Tensor[] self, Scalar scalar) -> Tensor[]');
export const foreachDivScalar_ = op('aten::_foreach_div_.Scalar(Tensor(a!)[] self, Scalar scalar) -> ()');
export const foreachDivScalars_ = op('aten::_foreach_div_.ScalarList(Tensor(a!)[] self, Scalar[] scalars) -> ()');
export const foreachAddcmul_ = op(
  'aten::_foreach_addcmul_.Scalar(Tensor(a!)[] self, Tensor[] tensor1, Tensor[] tensor2, Scalar value=1) -> ()',
);
export const foreachAddcdiv_ = op(
  'aten::_foreach_addcdiv_.Scalar(Tensor(a!)[] self, Tensor[] tensor1, Tensor[] tensor2, Scalar value=1) -> ()',
);
export const foreachAddcdivScalars_ = op(
  'aten::_foreach_addcdiv_.ScalarList(Tensor(a!)[] self, Tensor[] tensor1, Tensor[] tensor2, Scalar[] scalars) -> ()',
);
export const foreachSqrt = op('aten::_foreach_sqrt(Tensor[] self) -> Tensor[]');
export const foreachNorm = op('aten::_foreach_norm.Scalar(Tensor[] self, Scalar ord=2) -> Tensor[]');
export const foreachZero_ = op('aten::_foreach_zero_(Tensor(a!)[] self) -> ()');
