// evenhand::depthwise_conv2d: a convolution of each channel with a kernel of its own. Forward and the gradient of the input
// are ATen's. For the gradient of the weights in channels-last memory oneDNN computes all pairs of eight channels, of which
// one in eight is needed, at least on processors with AVX2 and up to its version 3; this kernel computes only those. It
// covers float32 on x86 CPUs with square kernels of 5 or 7; anything else, and 3, where it is no faster, uses ATen's operation.
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

#ifdef EVENHAND_AVX2

// Channels that are computed together: a cache line, and for each column of the kernel two vector registers.
constexpr int64_t kLane = 16;
typedef float Vector __attribute__((vector_size(32), aligned(4), may_alias));

// sums[kw] += sum over w of x[w * stride + kw] * dy[w], for a row of the kernel, a row of the padded input and a row of
// the output.
template <int K>
EVENHAND_AVX2 void addRow(const float* x, const float* dy, int64_t width, int64_t stride, float* sums) {
  Vector low[K], high[K];
  for (int k = 0; k < K; k++) {
    low[k] = *reinterpret_cast<const Vector*>(sums + k * kLane);
    high[k] = *reinterpret_cast<const Vector*>(sums + k * kLane + 8);
  }
  for (int64_t w = 0; w < width; w++, x += stride * kLane, dy += kLane) {
    const Vector left = *reinterpret_cast<const Vector*>(dy), right = *reinterpret_cast<const Vector*>(dy + 8);
#pragma GCC unroll 7
    for (int k = 0; k < K; k++) {
      low[k] += left * *reinterpret_cast<const Vector*>(x + k * kLane);
      high[k] += right * *reinterpret_cast<const Vector*>(x + k * kLane + 8);
    }
  }
  for (int k = 0; k < K; k++) {
    *reinterpret_cast<Vector*>(sums + k * kLane) = low[k];
    *reinterpret_cast<Vector*>(sums + k * kLane + 8) = high[k];
  }
}

struct Sizes {
  int64_t channels, height, width, outHeight, outWidth, stride, padding;
};

// Pixels are `channels` apart in `from` and kLane apart in `to`.
void copyRow(const float* from, int64_t width, int64_t channels, int64_t count, float* to) {
  if (count == kLane) {
    for (int64_t w = 0; w < width; w++) std::memcpy(to + w * kLane, from + w * channels, kLane * sizeof(float));
  } else {
    for (int64_t w = 0; w < width; w++) std::copy_n(from + w * channels, count, to + w * kLane);
  }
}

int64_t blocksOf(int64_t channels) { return (channels + kLane - 1) / kLane; }

// Adds the gradient of an image for `channels` of s.channels: sums[block][kh][kw][lane] += ... Rows are first copied, with
// zeros as padding, so that the pixels of a block of channels are contiguous; the last K rows of the input are kept. All
// blocks of a row are computed before the next row, because they are neighbours in memory.
template <int K>
void addImage(const float* x, const float* dy, const Sizes& s, int64_t channels, float* sums, float* scratch) {
  const int64_t blocks = blocksOf(channels), rowSize = (s.width + 2 * s.padding) * kLane;
  float* out = scratch + blocks * K * rowSize;
  int64_t next = 0;  // the first row of the input that is not copied yet
  for (int64_t h = 0; h < s.outHeight; h++) {
    const int64_t first = h * s.stride - s.padding, end = std::min(first + K, s.height);
    for (int64_t block = 0; block < blocks; block++) {
      const int64_t channel = block * kLane, count = std::min(kLane, channels - channel);
      float* rows = scratch + block * K * rowSize;
      for (int64_t row = std::max(next, first); row < end; row++) {
        copyRow(x + row * s.width * s.channels + channel, s.width, s.channels, count, rows + row % K * rowSize + s.padding * kLane);
      }
      copyRow(dy + h * s.outWidth * s.channels + channel, s.outWidth, s.channels, count, out);
      for (int64_t row = std::max<int64_t>(first, 0); row < end; row++) {
        addRow<K>(rows + row % K * rowSize, out, s.outWidth, s.stride, sums + (block * K + row - first) * K * kLane);
      }
    }
    next = std::max(next, end);
  }
}

// dw[c][kh][kw] for x and dy in channels-last memory. Each thread sums a share of the images for a group of channels; the
// shares are added in a fixed order, so that the same number of threads always gives the same bits.
template <int K>
void weightGradient(const float* x, const float* dy, int64_t images, const Sizes& s, float* dw) {
  const int64_t blocks = blocksOf(s.channels), size = K * K * kLane, threads = at::get_num_threads();
  const int64_t groups = std::min<int64_t>(blocks, threads), shares = std::max<int64_t>(1, std::min(images, threads / groups));
  std::vector<float> sums(shares * blocks * size, 0.0f);
  at::parallel_for(0, shares * groups, 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; task++) {
      const int64_t share = task / groups, group = task % groups;
      const int64_t first = blocks * group / groups, count = blocks * (group + 1) / groups - first;
      const int64_t channel = first * kLane, channels = std::min(count * kLane, s.channels - channel);
      std::vector<float> scratch((count * K * (s.width + 2 * s.padding) + s.outWidth) * kLane, 0.0f), image(count * size);
      float* into = sums.data() + (share * blocks + first) * size;
      for (int64_t n = images * share / shares; n < images * (share + 1) / shares; n++) {
        // an image's sum first: more accurate than one sum over all
        std::fill(image.begin(), image.end(), 0.0f);
        addImage<K>(x + n * s.height * s.width * s.channels + channel, dy + n * s.outHeight * s.outWidth * s.channels + channel, s,
                    channels, image.data(), scratch.data());
        for (int64_t i = 0; i < count * size; i++) into[i] += image[i];
      }
    }
  });
  for (int64_t c = 0; c < s.channels; c++) {
    for (int64_t k = 0; k < K * K; k++) {
      float sum = 0.0f;
      for (int64_t share = 0; share < shares; share++) sum += sums[(share * blocks + c / kLane) * size + k * kLane + c % kLane];
      dw[c * K * K + k] = sum;
    }
  }
}

struct DepthwiseConv2d : torch::autograd::Function<DepthwiseConv2d> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight, const Optional<at::Tensor>& bias,
                            int64_t stride, int64_t padding) {
    context->save_for_backward({x, weight});
    context->saved_data["stride"] = stride;
    context->saved_data["padding"] = padding;
    context->saved_data["bias"] = bias.has_value();
    return at::conv2d(x, weight, bias, stride, padding, 1, x.size(1));
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1];
    const int64_t stride = context->saved_data["stride"].toInt(), padding = context->saved_data["padding"].toInt();
    const at::Tensor dy = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    at::Tensor dx, dWeight, dBias;
    if (context->needs_input_grad(0)) {
      dx = std::get<0>(at::convolution_backward(dy, x, weight, at::OptionalIntArrayRef(), {stride, stride}, {padding, padding}, {1, 1},
                                                false, {0, 0}, x.size(1), {true, false, false}));
    }
    if (context->needs_input_grad(1)) {
      const Sizes sizes{x.size(1), x.size(2), x.size(3), dy.size(2), dy.size(3), stride, padding};
      dWeight = at::empty(weight.sizes());
      const float *in = x.data_ptr<float>(), *grad = dy.data_ptr<float>();
      float* out = dWeight.data_ptr<float>();
      (weight.size(2) == 5 ? weightGradient<5> : weightGradient<7>)(in, grad, x.size(0), sizes, out);
    }
    if (context->saved_data["bias"].toBool() && context->needs_input_grad(2)) dBias = dy.sum({0, 2, 3});
    return {dx, dWeight, dBias, at::Tensor(), at::Tensor()};
  }
};

bool kernelSupports(const at::Tensor& x, const at::Tensor& weight, at::IntArrayRef stride, at::IntArrayRef padding) {
  if (simdLevel() == 0 || autocastEnabled(at::kCPU)) return false;
  for (const at::Tensor& tensor : {x, weight}) {
    if (!tensor.is_cpu() || tensor.scalar_type() != at::kFloat || tensor.dim() != 4 || tensor.numel() == 0) return false;
  }
  const int64_t channels = x.size(1), size = weight.size(2);
  if (channels == 1 || !x.is_contiguous(at::MemoryFormat::ChannelsLast)) return false;
  if (weight.size(0) != channels || weight.size(1) != 1 || weight.size(3) != size || (size != 5 && size != 7)) return false;
  return stride.size() == 2 && stride[0] == stride[1] && stride[0] > 0 && padding.size() == 2 && padding[0] == padding[1] &&
         padding[0] >= 0 && padding[0] < size && x.size(2) + 2 * padding[0] >= size && x.size(3) + 2 * padding[0] >= size;
}

#endif

at::Tensor depthwiseConv2d(const at::Tensor& x, const at::Tensor& weight, const Optional<at::Tensor>& bias, at::IntArrayRef stride,
                           at::IntArrayRef padding) {
#ifdef EVENHAND_AVX2
  if (at::GradMode::is_enabled() && weight.requires_grad() && kernelSupports(x, weight, stride, padding)) {
    return DepthwiseConv2d::apply(x, weight, bias, stride[0], padding[0]);
  }
#endif
  return at::conv2d(x, weight, bias, stride, padding, 1, weight.size(0));
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(evenhand, library) {
  library.def("depthwise_conv2d(Tensor input, Tensor weight, Tensor? bias=None, int[2] stride=1, int[2] padding=0) -> Tensor",
              torch::dispatch(c10::DispatchKey::CompositeImplicitAutograd, depthwiseConv2d));
}

}  // namespace evenhand
