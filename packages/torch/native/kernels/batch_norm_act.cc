// evenhand::batch_norm_act: batch normalization and the activation after it in as few passes over memory as possible.
// ATen takes one or two passes for each and keeps the normalized values for the backward pass of the activation; this
// kernel keeps only the input. It covers channels-last float32 on the CPU; anything else uses ATen's two operations.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <vector>

#include "simd.h"

namespace evenhand {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

enum class Activation { None, SiLU, ReLU, ReLU6, Hardswish, Sigmoid };

Activation parseActivation(c10::string_view name) {
  if (name == "none") return Activation::None;
  if (name == "silu") return Activation::SiLU;
  if (name == "relu") return Activation::ReLU;
  if (name == "relu6") return Activation::ReLU6;
  if (name == "hardswish") return Activation::Hardswish;
  if (name == "sigmoid") return Activation::Sigmoid;
  TORCH_CHECK(false, "activation must be one of none, silu, relu, relu6, hardswish, sigmoid, got ", name);
}

template <Activation activation>
EVENHAND_INLINE float apply(float z) {
  switch (activation) {
    case Activation::SiLU: return z * fastSigmoid(z);
    case Activation::ReLU: return z < 0.0f ? 0.0f : z;
    case Activation::ReLU6: return z < 0.0f ? 0.0f : z > 6.0f ? 6.0f : z;
    case Activation::Hardswish: return z * (z < -3.0f ? 0.0f : z > 3.0f ? 6.0f : z + 3.0f) * (1.0f / 6.0f);
    case Activation::Sigmoid: return fastSigmoid(z);
    default: return z;
  }
}

template <Activation activation>
EVENHAND_INLINE float derivative(float z) {
  switch (activation) {
    case Activation::SiLU: {
      const float s = fastSigmoid(z);
      return s * (1.0f + z * (1.0f - s));
    }
    case Activation::ReLU: return z > 0.0f ? 1.0f : 0.0f;
    case Activation::ReLU6: return z > 0.0f && z < 6.0f ? 1.0f : 0.0f;
    case Activation::Hardswish: return z < -3.0f ? 0.0f : z > 3.0f ? 1.0f : z * (1.0f / 3.0f) + 0.5f;
    case Activation::Sigmoid: {
      const float s = fastSigmoid(z);
      return s * (1.0f - s);
    }
    default: return 1.0f;
  }
}

// Sums are taken in float32 over this many rows, then in float64: fast, and accurate enough for a million rows.
constexpr int64_t kBlock = 64;

struct Sums {
  double* first;
  double* second;
};

// first[c] += sum (x - shift), second[c] += sum (x - shift)^2. The shift is a row of the data. Without it, the variance
// would be the small difference of two large numbers.
template <Activation>
EVENHAND_INLINE void momentsBody(const float* __restrict x, const float* __restrict shift, int64_t rows, int64_t channels,
                                 float* __restrict s1, float* __restrict s2, Sums sums) {
  for (int64_t begin = 0; begin < rows; begin += kBlock) {
    const int64_t end = begin + kBlock < rows ? begin + kBlock : rows;
    for (int64_t c = 0; c < channels; c++) s1[c] = s2[c] = 0.0f;
    for (int64_t r = begin; r < end; r++) {
      const float* __restrict row = x + r * channels;
      for (int64_t c = 0; c < channels; c++) {
        const float d = row[c] - shift[c];
        s1[c] += d;
        s2[c] += d * d;
      }
    }
    for (int64_t c = 0; c < channels; c++) {
      sums.first[c] += s1[c];
      sums.second[c] += s2[c];
    }
  }
}
EVENHAND_DISPATCH(moments, (const float* x, const float* shift, int64_t rows, int64_t channels, float* s1, float* s2, Sums sums),
                  (x, shift, rows, channels, s1, s2, sums))

// y = activation(x * scale + offset)
template <Activation activation>
EVENHAND_INLINE void normalizeBody(const float* __restrict x, const float* __restrict scale, const float* __restrict offset, int64_t rows,
                                   int64_t channels, float* __restrict y) {
  for (int64_t r = 0; r < rows; r++) {
    const float* __restrict in = x + r * channels;
    float* __restrict out = y + r * channels;
    for (int64_t c = 0; c < channels; c++) out[c] = apply<activation>(in[c] * scale[c] + offset[c]);
  }
}
EVENHAND_DISPATCH(normalize, (const float* x, const float* scale, const float* offset, int64_t rows, int64_t channels, float* y),
                  (x, scale, offset, rows, channels, y))

// With dz = dy * activation'(x * scale + offset): first[c] += sum dz, second[c] += sum dz * (x - mean). If dx is given,
// the statistics are constants, and the gradient of the input, dz * scale, is written in the same pass.
template <Activation activation>
EVENHAND_INLINE void gradientSumsBody(const float* __restrict x, const float* __restrict dy, const float* __restrict scale,
                                      const float* __restrict offset, const float* __restrict mean, int64_t rows, int64_t channels,
                                      float* __restrict s1, float* __restrict s2, Sums sums, float* __restrict dx) {
  for (int64_t begin = 0; begin < rows; begin += kBlock) {
    const int64_t end = begin + kBlock < rows ? begin + kBlock : rows;
    for (int64_t c = 0; c < channels; c++) s1[c] = s2[c] = 0.0f;
    for (int64_t r = begin; r < end; r++) {
      const float* __restrict in = x + r * channels;
      const float* __restrict grad = dy + r * channels;
      for (int64_t c = 0; c < channels; c++) {
        const float dz = grad[c] * derivative<activation>(in[c] * scale[c] + offset[c]);
        s1[c] += dz;
        s2[c] += dz * (in[c] - mean[c]);
      }
      if (dx) {
        float* __restrict out = dx + r * channels;
        for (int64_t c = 0; c < channels; c++) out[c] = scale[c] * grad[c] * derivative<activation>(in[c] * scale[c] + offset[c]);
      }
    }
    for (int64_t c = 0; c < channels; c++) {
      sums.first[c] += s1[c];
      sums.second[c] += s2[c];
    }
  }
}
EVENHAND_DISPATCH(gradientSums,
                  (const float* x, const float* dy, const float* scale, const float* offset, const float* mean, int64_t rows,
                   int64_t channels, float* s1, float* s2, Sums sums, float* dx),
                  (x, dy, scale, offset, mean, rows, channels, s1, s2, sums, dx))

// dx = dz * scale + x * slope + constant. Computing dz again is cheaper than writing and reading it.
template <Activation activation>
EVENHAND_INLINE void gradientInputBody(const float* __restrict x, const float* __restrict dy, const float* __restrict scale,
                                       const float* __restrict offset, const float* __restrict slope, const float* __restrict constant,
                                       int64_t rows, int64_t channels, float* __restrict dx) {
  for (int64_t r = 0; r < rows; r++) {
    const float* __restrict in = x + r * channels;
    const float* __restrict grad = dy + r * channels;
    float* __restrict out = dx + r * channels;
    for (int64_t c = 0; c < channels; c++) {
      const float dz = grad[c] * derivative<activation>(in[c] * scale[c] + offset[c]);
      out[c] = dz * scale[c] + in[c] * slope[c] + constant[c];
    }
  }
}
EVENHAND_DISPATCH(gradientInput,
                  (const float* x, const float* dy, const float* scale, const float* offset, const float* slope, const float* constant,
                   int64_t rows, int64_t channels, float* dx),
                  (x, dy, scale, offset, slope, constant, rows, channels, dx))

template <typename Work>
void withActivation(Activation activation, Work work) {
  switch (activation) {
    case Activation::None: return work(std::integral_constant<Activation, Activation::None>());
    case Activation::SiLU: return work(std::integral_constant<Activation, Activation::SiLU>());
    case Activation::ReLU: return work(std::integral_constant<Activation, Activation::ReLU>());
    case Activation::ReLU6: return work(std::integral_constant<Activation, Activation::ReLU6>());
    case Activation::Hardswish: return work(std::integral_constant<Activation, Activation::Hardswish>());
    case Activation::Sigmoid: return work(std::integral_constant<Activation, Activation::Sigmoid>());
  }
}

// Two sums per channel over all rows. Each thread sums a share of the rows; the shares are added in a fixed order, so
// that the same number of threads always gives the same bits.
template <typename Work>
std::vector<double> sumRows(int64_t rows, int64_t channels, Work work) {
  const int64_t shares = std::max<int64_t>(1, std::min<int64_t>(at::get_num_threads(), rows / 256));
  std::vector<double> sums(shares * 2 * channels, 0.0);
  std::vector<float> scratch(shares * 2 * channels);
  at::parallel_for(0, shares, 1, [&](int64_t begin, int64_t end) {
    for (int64_t share = begin; share < end; share++) {
      double* first = sums.data() + share * 2 * channels;
      float* s1 = scratch.data() + share * 2 * channels;
      work(rows * share / shares, rows * (share + 1) / shares, s1, s1 + channels, Sums{first, first + channels});
    }
  });
  for (int64_t share = 1; share < shares; share++) {
    for (int64_t i = 0; i < 2 * channels; i++) sums[i] += sums[share * 2 * channels + i];
  }
  sums.resize(2 * channels);
  return sums;
}

template <typename Work>
void forEachRowBlock(int64_t rows, int64_t channels, Work work) {
  at::parallel_for(0, rows, std::max<int64_t>(1, 16384 / channels), work);
}

// Normalization as x * scale + offset, with scale = invstd * weight and offset = bias - mean * scale, per channel.
struct Affine {
  at::Tensor mean, invstd, scale, offset;
};

Affine batchAffine(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& runningMean,
                   const at::Tensor& runningVar, double momentum, double eps) {
  const int64_t channels = x.size(1), rows = x.numel() / channels;
  const float* data = x.data_ptr<float>();
  const std::vector<double> sums = sumRows(rows, channels, [&](int64_t begin, int64_t end, float* s1, float* s2, Sums out) {
    moments<Activation::None>(data + begin * channels, data, end - begin, channels, s1, s2, out);
  });
  Affine result{at::empty({channels}), at::empty({channels}), at::empty({channels}), at::empty({channels})};
  float *mean = result.mean.data_ptr<float>(), *invstd = result.invstd.data_ptr<float>();
  float *scale = result.scale.data_ptr<float>(), *offset = result.offset.data_ptr<float>();
  const float *w = weight.data_ptr<float>(), *b = bias.data_ptr<float>();
  float *rm = runningMean.data_ptr<float>(), *rv = runningVar.data_ptr<float>();
  const double n = static_cast<double>(rows);
  for (int64_t c = 0; c < channels; c++) {
    const double shifted = sums[c] / n;
    const double average = data[c] + shifted;
    const double variance = std::max(0.0, sums[channels + c] / n - shifted * shifted);
    const double inverse = 1.0 / std::sqrt(variance + eps);
    mean[c] = static_cast<float>(average);
    invstd[c] = static_cast<float>(inverse);
    scale[c] = static_cast<float>(w[c] * inverse);
    offset[c] = static_cast<float>(b[c] - average * w[c] * inverse);
    rm[c] = static_cast<float>((1.0 - momentum) * rm[c] + momentum * average);
    // The running variance is the unbiased one (PyTorch).
    rv[c] = static_cast<float>((1.0 - momentum) * rv[c] + momentum * variance * n / (n - 1.0));
  }
  return result;
}

Affine runningAffine(const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& runningMean, const at::Tensor& runningVar, double eps) {
  const at::Tensor invstd = at::rsqrt(runningVar + eps);
  const at::Tensor scale = weight * invstd;
  return {runningMean.clone(), invstd, scale, bias - runningMean * scale};
}

struct BatchNormAct : torch::autograd::Function<BatchNormAct> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                            const at::Tensor& runningMean, const at::Tensor& runningVar, bool training, double momentum, double eps,
                            int64_t activation) {
    const int64_t channels = x.size(1), rows = x.numel() / channels;
    const Affine affine = training ? batchAffine(x, weight, bias, runningMean, runningVar, momentum, eps)
                                   : runningAffine(weight, bias, runningMean, runningVar, eps);
    at::Tensor y = at::empty_like(x);
    const float *in = x.data_ptr<float>(), *scale = affine.scale.data_ptr<float>(), *offset = affine.offset.data_ptr<float>();
    float* out = y.data_ptr<float>();
    withActivation(static_cast<Activation>(activation), [&](auto kind) {
      forEachRowBlock(rows, channels, [&](int64_t begin, int64_t end) {
        normalize<kind.value>(in + begin * channels, scale, offset, end - begin, channels, out + begin * channels);
      });
    });
    context->save_for_backward({x, weight, affine.mean, affine.invstd, affine.scale, affine.offset});
    context->saved_data["training"] = training;
    context->saved_data["activation"] = activation;
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], &mean = saved[2], &invstd = saved[3], &scale = saved[4], &offset = saved[5];
    const bool training = context->saved_data["training"].toBool();
    const int64_t channels = x.size(1), rows = x.numel() / channels;
    const at::Tensor dy = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    at::Tensor dx = at::empty_like(x), dWeight = at::empty({channels}), dBias = at::empty({channels});
    const float *in = x.data_ptr<float>(), *grad = dy.data_ptr<float>(), *m = mean.data_ptr<float>(), *inv = invstd.data_ptr<float>();
    const float *a = scale.data_ptr<float>(), *o = offset.data_ptr<float>(), *w = weight.data_ptr<float>();
    float *out = dx.data_ptr<float>(), *dw = dWeight.data_ptr<float>(), *db = dBias.data_ptr<float>();
    std::vector<float> slope(channels), constant(channels);
    withActivation(static_cast<Activation>(context->saved_data["activation"].toInt()), [&](auto kind) {
      const std::vector<double> sums = sumRows(rows, channels, [&](int64_t begin, int64_t end, float* s1, float* s2, Sums into) {
        const int64_t at = begin * channels;
        gradientSums<kind.value>(in + at, grad + at, a, o, m, end - begin, channels, s1, s2, into, training ? nullptr : out + at);
      });
      const double n = static_cast<double>(rows);
      for (int64_t c = 0; c < channels; c++) {
        const double dBiasC = sums[c], dWeightC = sums[channels + c] * inv[c];
        dw[c] = static_cast<float>(dWeightC);
        db[c] = static_cast<float>(dBiasC);
        // dx = scale (dz - mean(dz) - xhat mean(dz xhat))
        const double s = -static_cast<double>(w[c]) * inv[c] * inv[c] * dWeightC / n;
        slope[c] = static_cast<float>(s);
        constant[c] = static_cast<float>(-static_cast<double>(w[c]) * inv[c] * dBiasC / n - s * m[c]);
      }
      if (!training) return;
      forEachRowBlock(rows, channels, [&](int64_t begin, int64_t end) {
        const int64_t at = begin * channels;
        gradientInput<kind.value>(in + at, grad + at, a, o, slope.data(), constant.data(), end - begin, channels, out + at);
      });
    });
    return {dx, dWeight, dBias, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

bool isPlainFloat(const at::Tensor& tensor) {
  return tensor.device().is_cpu() && tensor.scalar_type() == at::kFloat && tensor.is_contiguous();
}

bool kernelSupports(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& runningMean,
          const at::Tensor& runningVar) {
  if (!x.device().is_cpu() || x.scalar_type() != at::kFloat || x.dim() != 4 || x.numel() == 0) return false;
  if (!x.is_contiguous(at::MemoryFormat::ChannelsLast)) return false;
  for (const at::Tensor& vector : {weight, bias, runningMean, runningVar}) {
    if (!isPlainFloat(vector) || vector.dim() != 1 || vector.size(0) != x.size(1)) return false;
  }
  return true;
}

at::Tensor applyActivation(const at::Tensor& z, Activation activation) {
  switch (activation) {
    case Activation::SiLU: return at::silu(z);
    case Activation::ReLU: return at::relu(z);
    case Activation::ReLU6:
      // On CPUs libtorch 1.13 has no gradient of relu6 in bfloat16, the type that autocast uses.
      if (z.is_cpu() && z.scalar_type() == at::kBFloat16) return at::relu6(z.to(at::kFloat)).to(at::kBFloat16);
      return at::relu6(z);
    case Activation::Hardswish: return at::hardswish(z);
    case Activation::Sigmoid: return at::sigmoid(z);
    default: return z;
  }
}

at::Tensor batchNormAct(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& runningMean,
                        const at::Tensor& runningVar, bool training, double momentum, double eps, c10::string_view name) {
  const Activation activation = parseActivation(name);
  // Without this check, which PyTorch does in Python, ATen would put NaN or infinity into the running variance.
  TORCH_CHECK(!training || x.dim() < 2 || x.numel() != x.size(1), "training needs more than one value per channel, because a single value has no variance");
  if (kernelSupports(x, weight, bias, runningMean, runningVar)) {
    return BatchNormAct::apply(x, weight, bias, runningMean, runningVar, training, momentum, eps, static_cast<int64_t>(activation));
  }
  const bool cudnn = at::globalContext().userEnabledCuDNN();
  return applyActivation(at::batch_norm(x, weight, bias, runningMean, runningVar, training, momentum, eps, cudnn), activation);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(evenhand, library) {
  library.def(
      "batch_norm_act(Tensor input, Tensor weight, Tensor bias, Tensor running_mean, Tensor running_var, bool training, float momentum, "
      "float eps, str activation) -> Tensor",
      torch::dispatch(c10::DispatchKey::CompositeImplicitAutograd, batchNormAct));
}

}  // namespace evenhand
