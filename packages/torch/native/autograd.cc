#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include "compat.h"
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
    throw badArgument("backward: no gradient leads here: the tensor " + describeTensor(tensor) +
                      " does not depend on one that requires gradients, or was computed under noGrad()");
  }
  if (info[1].IsNull() && tensor.numel() != 1) {
    throw badArgument("backward: a tensor " + describeTensor(tensor) + " of more than one element needs a gradient of its own shape");
  }
  const at::Tensor gradient = info[1].IsNull() ? at::Tensor() : unwrapTensor(info[1], "the gradient");
  // libtorch would sum a larger gradient down to the tensor's shape.
  if (gradient.defined() && gradient.sizes() != tensor.sizes()) {
    throw badArgument("backward: the gradient of " + describeTensor(tensor) + " must have its shape, got " + describeTensor(gradient));
  }
  torch::autograd::backward({tensor}, {gradient}, parseBool(info[2], "retainGraph"));
  return info.Env().Undefined();
}

// gradients(outputs, inputs, gradients of the outputs, retainGraph): null where an input was not used.
static Napi::Value gradients(const Napi::CallbackInfo& info) {
  const auto found = torch::autograd::grad(parseTensors(info[0], "outputs"), parseTensors(info[1], "inputs"), parseTensors(info[2], "gradOutputs"),
                                           parseBool(info[3], "retainGraph"), /*create_graph=*/false, /*allow_unused=*/true);
  Napi::Array array = Napi::Array::New(info.Env(), found.size());
  for (size_t i = 0; i < found.size(); i++) array.Set(i, wrapTensor(info.Env(), found[i]));
  return array;
}

static Napi::Value setGradEnabled(const Napi::CallbackInfo& info) {
  const bool before = c10::GradMode::is_enabled();
  c10::GradMode::set_enabled(parseBool(info[0], "enabled"));
  return Napi::Boolean::New(info.Env(), before);
}

// enterAutocast(device type, dtype, enabled) -> what leaveAutocast needs to restore the state before
static Napi::Value enterAutocast(const Napi::CallbackInfo& info) {
  const at::DeviceType device = parseDevice(info[0], "device").type();
  const at::ScalarType dtype = parseDtype(info[1], "dtype");
  if (dtype != at::kBFloat16 && dtype != at::kHalf) throw badArgument("autocast: dtype must be bfloat16 or float16, got " + std::string(dtypeName(dtype)));
  Napi::Array before = Napi::Array::New(info.Env(), 3);
  before.Set(0u, info[0]);
  before.Set(1u, Napi::String::New(info.Env(), dtypeName(autocastDtype(device))));
  before.Set(2u, Napi::Boolean::New(info.Env(), autocastEnabled(device)));
  setAutocast(device, parseBool(info[2], "enabled"), dtype);
  at::autocast::increment_nesting();
  return before;
}

static Napi::Value leaveAutocast(const Napi::CallbackInfo& info) {
  const auto before = info[0].As<Napi::Array>();
  // The outermost scope drops the weights' casts: they are stale after the next optimiser step.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  setAutocast(parseDevice(before.Get(0u), "device").type(), parseBool(before.Get(2u), "enabled"), parseDtype(before.Get(1u), "dtype"));
  return info.Env().Undefined();
}

static Napi::Value manualSeed(const Napi::CallbackInfo& info) {
  at::manual_seed(parseSeed(info[0], "seed"));
  return info.Env().Undefined();
}

static Napi::Value setDeterministic(const Napi::CallbackInfo& info) {
  at::globalContext().setDeterministicAlgorithms(parseBool(info[0], "deterministic"), /*warn_only=*/false);
  at::globalContext().setBenchmarkCuDNN(!parseBool(info[0], "deterministic"));
  return info.Env().Undefined();
}

static Napi::Value setNumThreads(const Napi::CallbackInfo& info) {
  const int64_t threads = parseInt(info[0], "threads");
  if (threads < 1 || threads > 4096) throw badArgument("setNumThreads: threads must be between 1 and 4096, got " + std::to_string(threads));
  at::set_num_threads(static_cast<int>(threads));
  return info.Env().Undefined();
}

static Napi::Value getNumThreads(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), at::get_num_threads()); }

static Napi::Value devices(const Napi::CallbackInfo& info) {
  Napi::Array names = Napi::Array::New(info.Env());
  names.Set(0u, Napi::String::New(info.Env(), "cpu"));
  const int64_t gpus = at::hasCUDA() ? at::detail::getCUDAHooks().getNumGPUs() : 0;
  for (int64_t i = 0; i < gpus; i++) names.Set(names.Length(), Napi::String::New(info.Env(), "cuda:" + std::to_string(i)));
  if (at::hasMPS()) names.Set(names.Length(), Napi::String::New(info.Env(), "mps"));
  return names;
}

void exportAutograd(Napi::Object exports) {
  define<requiresGrad>(exports, "requiresGrad");
  define<setRequiresGrad>(exports, "setRequiresGrad");
  define<gradOf>(exports, "gradOf");
  define<setGrad>(exports, "setGrad");
  define<backward>(exports, "backward");
  define<gradients>(exports, "gradients");
  define<setGradEnabled>(exports, "setGradEnabled");
  define<enterAutocast>(exports, "enterAutocast");
  define<leaveAutocast>(exports, "leaveAutocast");
  define<manualSeed>(exports, "manualSeed");
  define<setDeterministic>(exports, "setDeterministic");
  define<setNumThreads>(exports, "setNumThreads");
  define<getNumThreads>(exports, "getNumThreads");
  define<devices>(exports, "devices");
}

}  // namespace evenhand
