// What one JavaScript environment (the main thread or a worker) owns, and how C++ failures become JavaScript errors.
#pragma once

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <napi.h>

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
  int64_t length = 0;  // N of `int[N]`, 0 when the schema gives none: such an argument may be one number
};

struct Operator {
  c10::OperatorHandle handle;
  std::string name;  // without the namespace, for messages
  std::vector<ArgumentType> arguments;
  size_t positional;  // arguments before the keyword-only ones
  std::vector<std::string> options;  // the keyword-only ones' names, in camelCase
  bool returnsArgument;  // in-place: the answer is one of the arguments
};

// No state is static: more than one worker may load the addon, each with an Environment of its own.
struct Environment {
  Napi::FunctionReference tensorClass;
  Napi::FunctionReference errorClass;
  std::vector<Operator> operators;
  std::unordered_map<std::string, uint32_t> operatorIds;
  // Shared with every tensor, because finalisers may run after this environment is gone.
  std::shared_ptr<int64_t> liveTensors = std::make_shared<int64_t>(0);

  // The tensor that the constructor running right now takes over; without one, `new Tensor()` is refused.
  at::Tensor pending;

  static Environment& of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }
};

// A failure with a stable code.
struct Failure : std::runtime_error {
  Failure(std::string code, const std::string& message) : std::runtime_error(message), code(std::move(code)) {}
  std::string code;
};

inline Failure badArgument(const std::string& message) { return Failure("TORCH_BAD_ARGUMENT", message); }

// Turns the exception being handled into a TorchError; called only inside a catch block.
Napi::Error currentError(Napi::Env env, const std::string& op = "", const std::string& schema = "",
                         const std::string& context = "");

using Function = Napi::Value (*)(const Napi::CallbackInfo&);

// The one guard around every entry: no C++ exception crosses into JavaScript.
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

// What each file exports. Every entry is a plain function: receivers are checked by type tag, never trusted.
void exportHandles(Napi::Object exports);   // the base classes of Tensor and Generator, and a tensor's end
void exportDispatch(Napi::Object exports);  // any operation, by its schema's name
void exportTensor(Napi::Object exports);    // a tensor's properties and its bytes
void exportAutograd(Napi::Object exports);  // gradients, the modes that steer them, and the process's settings

}  // namespace evenhand
