// The state of one JavaScript environment (the main thread or a worker), and how C++ failures become JavaScript errors.
#pragma once

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/util/flat_hash_map.h>
#include <napi.h>

#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

namespace evenhand {

enum class Kind { Tensor, Int, Float, Bool, String, Scalar, DType, Device, Layout, MemoryFormat, Generator, Unsupported };

// An argument's type, read once from the schema so that a call does not walk type objects.
struct ArgumentType {
  Kind kind = Kind::Unsupported;
  bool optional = false;
  bool list = false;
  bool optionalElements = false;
  int64_t length = 0;  // N of `int[N]`, else 0; with an N the argument may also be a single number
};

struct Operator {
  c10::OperatorHandle handle;
  std::string name;  // without the namespace, for messages
  std::vector<ArgumentType> arguments;
  size_t positional;  // number of arguments before the keyword-only ones
  std::vector<std::string> options;  // names of the keyword-only arguments, in camelCase
  bool returnsArgument;  // in-place: the result is one of the arguments
};

using Addresses = ska::flat_hash_set<void*>;

// The C++ values that JavaScript objects own.
struct Owned {
  int64_t liveTensors = 0;  // without those that were disposed
  Addresses tensors;
  Addresses generators;
};

// No state is static: several workers may load the addon, each with its own Environment.
struct Environment {
  Napi::FunctionReference tensorClass;
  Napi::FunctionReference errorClass;
  // A deque, because a call holds a reference to its operator while a getter in the options may resolve other operators.
  std::deque<Operator> operators;
  std::unordered_map<std::string, uint32_t> operatorIds;
  // Shared with every tensor, because finalisers may run after this environment is gone.
  std::shared_ptr<Owned> owned = std::make_shared<Owned>();

  // The tensor that the constructor now running takes over. It is empty for `new Tensor()` in JavaScript, which is refused.
  at::Tensor pending;

  // While a CUDA graph is captured. What the CPU then reads or writes would be missing when the graph is replayed.
  bool capturing = false;
  // Bytes that CUDA graphs keep, and the peak of the memory taken before their number last changed.
  int64_t graphBytes = 0;
  int64_t peakBefore = 0;
};

inline Environment& environmentOf(Napi::Env env) { return *env.GetInstanceData<Environment>(); }

// A failure with a stable code.
struct Failure : std::runtime_error {
  Failure(std::string code, const std::string& message) : std::runtime_error(message), code(std::move(code)) {}
  std::string code;
};

inline Failure badArgument(const std::string& message) { return Failure("TORCH_BAD_ARGUMENT", message); }

// Turns the exception being handled into a TorchError. Call it inside a catch block only.
Napi::Error currentError(Napi::Env env, const std::string& op = "", const std::string& schema = "",
                         const std::string& context = "");

using Function = Napi::Value (*)(const Napi::CallbackInfo&);

// The guard around every exported function: no C++ exception crosses into JavaScript.
template <Function function>
Napi::Value guarded(const Napi::CallbackInfo& info) {
  try {
    return function(info);
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw currentError(info.Env());
  }
}

template <Function function>
void define(Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New(exports.Env(), guarded<function>, name));
}

// What each file exports: plain functions that check their receiver.
void exportHandles(Napi::Object exports);   // base classes of Tensor and Generator, disposal
void exportDispatch(Napi::Object exports);  // any operation, by the name in its schema
void exportTensor(Napi::Object exports);    // properties and bytes of a tensor
void exportAutograd(Napi::Object exports);  // gradients and grad mode
void exportAutocast(Napi::Object exports);  // mixed precision
void exportRuntime(Napi::Object exports);   // devices, threads, seeds, determinism, memory
void exportWaiting(Napi::Object exports);   // how OpenMP's threads wait for each other
void exportGpu(Napi::Object exports);       // facts about GPUs, events in their queues
void exportStreams(Napi::Object exports);   // further queues of a GPU
void exportGraph(Napi::Object exports);     // CUDA graphs

}  // namespace evenhand
