// Gradients: which tensors require them, how they are computed, and whether operations are recorded for them.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include "environment.h"
#include "handles.h"
#include "types.h"

namespace evenhand {

static Napi::Value requiresGrad(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), unwrapTensor(info[0], "this").requires_grad());
}

static Napi::Value setRequiresGrad(const Napi::CallbackInfo& info) {
  unwrapTensor(info[0], "this").requires_grad_(parseBool(info[1], "requiresGrad"));
  return info[0];
}

static Napi::Value gradOf(const Napi::CallbackInfo& info) { return wrapTensor(info.Env(), unwrapTensor(info[0], "this").grad()); }

static Napi::Value setGrad(const Napi::CallbackInfo& info) {
  at::Tensor& tensor = unwrapTensor(info[0], "this");
  tensor.mutable_grad() = info[1].IsNull() ? at::Tensor() : unwrapTensor(info[1], "the gradient");
  return info[0];
}

// backward(tensor, gradient or null, retainGraph)
static Napi::Value backward(const Napi::CallbackInfo& info) {
  const at::Tensor& tensor = unwrapTensor(info[0], "this");
  if (!tensor.requires_grad()) {
    throw badArgument("backward: the tensor " + describeTensor(tensor) +
                      " has no gradient: it does not depend on a tensor that requires gradients, or was computed under noGrad()");
  }
  if (info[1].IsNull() && tensor.numel() != 1) {
    throw badArgument("backward: a tensor " + describeTensor(tensor) + " with more than one element needs a gradient of the same shape");
  }
  const at::Tensor gradient = info[1].IsNull() ? at::Tensor() : unwrapTensor(info[1], "the gradient");
  // libtorch would sum a larger gradient down to the tensor's shape.
  if (gradient.defined() && gradient.sizes() != tensor.sizes()) {
    throw badArgument("backward: the gradient of " + describeTensor(tensor) + " must have the same shape, got " + describeTensor(gradient));
  }
  torch::autograd::backward({tensor}, {gradient}, parseBool(info[2], "retainGraph"));
  return info.Env().Undefined();
}

// gradients(outputs, inputs, gradients of the outputs, retainGraph): null for an input that was not used.
static Napi::Value gradients(const Napi::CallbackInfo& info) {
  const auto results = torch::autograd::grad(parseTensors(info[0], "outputs"), parseTensors(info[1], "inputs"), parseTensors(info[2], "gradOutputs"),
                                             parseBool(info[3], "retainGraph"), /*create_graph=*/false, /*allow_unused=*/true);
  Napi::Array array = Napi::Array::New(info.Env(), results.size());
  for (size_t i = 0; i < results.size(); i++) array.Set(i, wrapTensor(info.Env(), results[i]));
  return array;
}

// setGradEnabled(enabled) -> whether it was enabled
static Napi::Value setGradEnabled(const Napi::CallbackInfo& info) {
  const bool previous = c10::GradMode::is_enabled();
  c10::GradMode::set_enabled(parseBool(info[0], "enabled"));
  return Napi::Boolean::New(info.Env(), previous);
}

void exportAutograd(Napi::Object exports) {
  define<requiresGrad>(exports, "requiresGrad");
  define<setRequiresGrad>(exports, "setRequiresGrad");
  define<gradOf>(exports, "gradOf");
  define<setGrad>(exports, "setGrad");
  define<backward>(exports, "backward");
  define<gradients>(exports, "gradients");
  define<setGradEnabled>(exports, "setGradEnabled");
}

}  // namespace evenhand
