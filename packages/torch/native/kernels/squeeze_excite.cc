// evenhand::squeeze_excite: squeeze-and-excitation (Hu et al., arXiv 1709.01507) as one operation: the mean of each channel,
// two layers, and the scale of each channel. ATen's backward pass of the same chain goes over tensors of the input's size ten
// times, because it keeps no product of two in registers; this kernel does so four times. It covers channels-last float32 on
// the CPU; anything else uses ATen's operations.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <vector>

#include "../compat.h"
#include "simd.h"

namespace evenhand {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Sums are taken over this many rows, then over their sums: more accurate than one sum over all.
constexpr int64_t kBlock = 64;

// sums[c] = sum over the rows of x[c] * dy[c], or of x[c] without dy. Rows are `stride` apart.
EVENHAND_INLINE void sumRowsBody(const float* __restrict x, const float* __restrict dy, int64_t rows, int64_t channels, int64_t stride,
                                 float* __restrict block, float* __restrict sums) {
  for (int64_t c = 0; c < channels; c++) sums[c] = 0.0f;
  for (int64_t begin = 0; begin < rows; begin += kBlock) {
    const int64_t end = begin + kBlock < rows ? begin + kBlock : rows;
    for (int64_t c = 0; c < channels; c++) block[c] = 0.0f;
    for (int64_t r = begin; r < end; r++) {
      const float* __restrict in = x + r * stride;
      if (dy) {
        const float* __restrict grad = dy + r * stride;
        for (int64_t c = 0; c < channels; c++) block[c] += in[c] * grad[c];
      } else {
        for (int64_t c = 0; c < channels; c++) block[c] += in[c];
      }
    }
    for (int64_t c = 0; c < channels; c++) sums[c] += block[c];
  }
}
EVENHAND_DISPATCH_PLAIN(sumRows,
                        (const float* x, const float* dy, int64_t rows, int64_t channels, int64_t stride, float* block, float* sums),
                        (x, dy, rows, channels, stride, block, sums))

// y = x * scale, plus the offset if there is one
EVENHAND_INLINE void scaleRowsBody(const float* __restrict x, const float* __restrict scale, const float* __restrict offset,
                                   int64_t rows, int64_t channels, float* __restrict y) {
  for (int64_t r = 0; r < rows; r++) {
    const float* __restrict in = x + r * channels;
    float* __restrict out = y + r * channels;
    if (offset) {
      for (int64_t c = 0; c < channels; c++) out[c] = in[c] * scale[c] + offset[c];
    } else {
      for (int64_t c = 0; c < channels; c++) out[c] = in[c] * scale[c];
    }
  }
}
EVENHAND_DISPATCH_PLAIN(scaleRows, (const float* x, const float* scale, const float* offset, int64_t rows, int64_t channels, float* y),
                        (x, scale, offset, rows, channels, y))

// [N,C]: the sum over each image of x, or of x * dy. One thread sums a channel of an image, so that the bits do not depend
// on the number of threads.
at::Tensor sumImages(const at::Tensor& x, const at::Tensor& dy) {
  const int64_t images = x.size(0), channels = x.size(1), rows = x.size(2) * x.size(3), threads = at::get_num_threads();
  // Few images: also split the channels, by whole cache lines.
  const int64_t lines = (channels + 15) / 16, groups = std::min(lines, std::max<int64_t>(1, threads / images));
  at::Tensor sums = at::empty({images, channels});
  const float *in = x.data_ptr<float>(), *grad = dy.defined() ? dy.data_ptr<float>() : nullptr;
  float* out = sums.data_ptr<float>();
  at::parallel_for(0, images * groups, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> block(channels);
    for (int64_t task = begin; task < end; task++) {
      const int64_t image = task / groups, group = task % groups;
      const int64_t first = lines * group / groups * 16, last = std::min(lines * (group + 1) / groups * 16, channels);
      const int64_t at = image * rows * channels + first;
      sumRows(in + at, grad ? grad + at : nullptr, rows, last - first, channels, block.data(), out + image * channels + first);
    }
  });
  return sums;
}

// [N,C,H,W] times [N,C], plus [N,C] if there is an offset
at::Tensor scaleImages(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& offset) {
  const int64_t channels = x.size(1), rows = x.size(2) * x.size(3);
  at::Tensor y = at::empty_like(x);
  const float *in = x.data_ptr<float>(), *a = scale.data_ptr<float>(), *b = offset.defined() ? offset.data_ptr<float>() : nullptr;
  float* out = y.data_ptr<float>();
  at::parallel_for(0, x.size(0) * rows, std::max<int64_t>(1, 16384 / channels), [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t image = begin / rows, next = std::min(end, (image + 1) * rows);
      scaleRows(in + begin * channels, a + image * channels, b ? b + image * channels : nullptr, next - begin, channels, out + begin * channels);
      begin = next;
    }
  });
  return y;
}

// The gradient of `z`, for the gradient of activation(z).
at::Tensor activationGradient(const at::Tensor& gradient, const at::Tensor& z, c10::string_view name) {
  if (name == "silu") return at::silu_backward(gradient, z);
  if (name == "hardswish") return at::hardswish_backward(gradient, z);
  if (name == "hardsigmoid") return at::hardsigmoid_backward(gradient, z);
  if (name == "relu6") return at::hardtanh_backward(gradient, z, 0, 6);
  if (name == "gelu") return at::gelu_backward(gradient, z);
  if (name == "sigmoid") return at::sigmoid_backward(gradient, at::sigmoid(z));
  return at::threshold_backward(gradient, z, 0);
}

at::Tensor activate(const at::Tensor& z, c10::string_view name) {
  if (name == "silu") return at::silu(z);
  if (name == "hardswish") return at::hardswish(z);
  if (name == "hardsigmoid") return at::hardsigmoid(z);
  if (name == "relu6") return at::relu6(z);
  if (name == "gelu") return at::gelu(z);
  if (name == "sigmoid") return at::sigmoid(z);
  TORCH_CHECK(name == "relu", "activation must be one of silu, relu, relu6, gelu, hardswish, sigmoid, hardsigmoid, got ", name);
  return at::relu(z);
}

at::Tensor asMatrix(const at::Tensor& weight) { return weight.reshape({weight.size(0), weight.size(1)}); }

struct SqueezeExcite : torch::autograd::Function<SqueezeExcite> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& reduce, const at::Tensor& reduceBias,
                            const at::Tensor& expand, const at::Tensor& expandBias, const std::string& activation, const std::string& gate) {
    const at::Tensor mean = sumImages(x, at::Tensor()).div_(static_cast<double>(x.size(2) * x.size(3)));
    const at::Tensor squeezed = at::addmm(reduceBias, mean, asMatrix(reduce).t());
    const at::Tensor excited = at::addmm(expandBias, activate(squeezed, activation), asMatrix(expand).t());
    context->save_for_backward({x, reduce, expand, mean, squeezed, excited});
    context->saved_data["activation"] = activation;
    context->saved_data["gate"] = gate;
    return scaleImages(x, activate(excited, gate).contiguous(), at::Tensor());
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &reduce = saved[1], &expand = saved[2], &mean = saved[3], &squeezed = saved[4], &excited = saved[5];
    const std::string activation = context->saved_data["activation"].toStringRef(), gate = context->saved_data["gate"].toStringRef();
    const at::Tensor dy = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    const at::Tensor dExcited = activationGradient(sumImages(x, dy), excited, gate);
    const at::Tensor dSqueezed = activationGradient(at::mm(dExcited, asMatrix(expand)), squeezed, activation);
    const at::Tensor dMean = at::mm(dSqueezed, asMatrix(reduce)).div_(static_cast<double>(x.size(2) * x.size(3)));
    const at::Tensor dx = scaleImages(dy, activate(excited, gate).contiguous(), dMean.contiguous());
    return {dx,
            at::mm(dSqueezed.t(), mean).view(reduce.sizes()),
            dSqueezed.sum(0),
            at::mm(dExcited.t(), activate(squeezed, activation)).view(expand.sizes()),
            dExcited.sum(0),
            at::Tensor(),
            at::Tensor()};
  }
};

bool kernelSupports(const at::Tensor& x, const at::Tensor& reduce, const at::Tensor& reduceBias, const at::Tensor& expand,
                    const at::Tensor& expandBias) {
  if (autocastEnabled(at::kCPU) || x.dim() != 4 || x.numel() == 0 || !x.is_contiguous(at::MemoryFormat::ChannelsLast)) return false;
  for (const at::Tensor& tensor : {x, reduce, reduceBias, expand, expandBias}) {
    if (!tensor.is_cpu() || tensor.scalar_type() != at::kFloat) return false;
  }
  const int64_t channels = x.size(1), squeezed = reduce.size(0);
  return reduce.sizes() == at::IntArrayRef({squeezed, channels, 1, 1}) && expand.sizes() == at::IntArrayRef({channels, squeezed, 1, 1}) &&
         reduceBias.sizes() == at::IntArrayRef({squeezed}) && expandBias.sizes() == at::IntArrayRef({channels});
}

at::Tensor squeezeExcite(const at::Tensor& x, const at::Tensor& reduce, const at::Tensor& reduceBias, const at::Tensor& expand,
                         const at::Tensor& expandBias, c10::string_view activation, c10::string_view gate) {
  if (kernelSupports(x, reduce, reduceBias, expand, expandBias)) {
    return SqueezeExcite::apply(x, reduce, reduceBias, expand, expandBias, std::string(activation), std::string(gate));
  }
  const at::Tensor squeezed = activate(at::conv2d(at::adaptive_avg_pool2d(x, {1, 1}), reduce, reduceBias), activation);
  return x * activate(at::conv2d(squeezed, expand, expandBias), gate);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(evenhand, library) {
  library.def(
      "squeeze_excite(Tensor input, Tensor reduce, Tensor reduce_bias, Tensor expand, Tensor expand_bias, str activation, str gate) -> "
      "Tensor",
      torch::dispatch(c10::DispatchKey::CompositeImplicitAutograd, squeezeExcite));
}

}  // namespace evenhand
