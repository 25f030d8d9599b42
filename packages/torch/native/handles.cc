#include "handles.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <sstream>

#include "environment.h"
#include "types.h"

namespace evenhand {

struct TensorBox {
  at::Tensor tensor;
  std::shared_ptr<Owned> owned;
  bool disposed = false;

  void release() {
    if (disposed) return;
    disposed = true;
    tensor.reset();
    --owned->liveTensors;
  }
};

struct GeneratorBox {
  at::Generator generator;
  std::shared_ptr<Owned> owned;
};

template <typename Box>
static void attach(const Napi::CallbackInfo& info, Addresses Owned::*addresses, Box* box) {
  box->owned = environmentOf(info.Env()).owned;
  const auto finalize = [](napi_env, void* data, void* hint) {
    auto* box = static_cast<Box*>(data);
    static_cast<Addresses*>(hint)->erase(data);
    if constexpr (std::is_same_v<Box, TensorBox>) box->release();
    delete box;
  };
  Addresses& known = (*box->owned).*addresses;
  if (napi_wrap(info.Env(), info.This(), box, finalize, &known, nullptr) != napi_ok) {
    delete box;
    throw badArgument("this object already owns a native value");
  }
  known.insert(box);
}

static Napi::Value constructTensor(const Napi::CallbackInfo& info) {
  Environment& environment = environmentOf(info.Env());
  if (!info.IsConstructCall() || !environment.pending.defined()) {
    throw badArgument("a Tensor cannot be created with 'new Tensor()'; use tensor(), fromBytes() or an operation");
  }
  attach(info, &Owned::tensors, new TensorBox{std::move(environment.pending)});
  environment.pending = at::Tensor();
  ++environment.owned->liveTensors;
  return info.Env().Undefined();
}

static Napi::Value constructGenerator(const Napi::CallbackInfo& info) {
  const at::Device device = parseDevice(info[0], "device");
  const uint64_t seed = parseSeed(info[1], "seed");
  at::Generator generator = device.is_cpu() ? at::make_generator<at::CPUGeneratorImpl>(seed)
                                            : at::globalContext().defaultGenerator(device).clone();
  generator.set_current_seed(seed);
  attach(info, &Owned::generators, new GeneratorBox{std::move(generator)});
  return info.Env().Undefined();
}

template <Function constructor>
static Napi::Value defineClass(Napi::Env env, const char* name) {
  napi_value result;
  const auto callback = [](napi_env raw, napi_callback_info info) -> napi_value {
    return Napi::details::WrapCallback(raw, [&] { return static_cast<napi_value>(guarded<constructor>(Napi::CallbackInfo(raw, info))); });
  };
  if (napi_define_class(env, name, NAPI_AUTO_LENGTH, callback, nullptr, 0, nullptr, &result) != napi_ok) {
    throw Napi::Error::New(env);
  }
  return Napi::Value(env, result);
}

Napi::Value wrapTensor(Napi::Env env, at::Tensor tensor) {
  if (!tensor.defined()) return env.Null();
  Environment& environment = environmentOf(env);
  if (environment.tensorClass.IsEmpty()) throw badArgument("setTensorClass() must be called before a tensor is made");
  environment.pending = std::move(tensor);
  return environment.tensorClass.New({});
}

// What another addon has wrapped must not be read as a tensor. Looking up the address is ten times as fast as a type tag.
static void* unwrap(const Napi::Value& value, Addresses Owned::*addresses) {
  void* data = nullptr;
  if (value.IsEmpty() || napi_unwrap(value.Env(), value, &data) != napi_ok) return nullptr;
  const Addresses& known = (*environmentOf(value.Env()).owned).*addresses;
  return known.find(data) != known.end() ? data : nullptr;
}

bool isTensor(const Napi::Value& value) { return unwrap(value, &Owned::tensors) != nullptr; }
bool isGenerator(const Napi::Value& value) { return unwrap(value, &Owned::generators) != nullptr; }

const at::Tensor* peekTensor(const Napi::Value& value) {
  const auto* box = static_cast<TensorBox*>(unwrap(value, &Owned::tensors));
  return box && !box->disposed ? &box->tensor : nullptr;
}

at::Tensor& unwrapTensor(const Napi::Value& value, const Name& what) {
  auto* box = static_cast<TensorBox*>(unwrap(value, &Owned::tensors));
  if (!box) throw badArgument(what + " must be a Tensor, got " + describe(value));
  if (box->disposed) {
    throw Failure("TORCH_DISPOSED", what + " was disposed: its scope has ended or dispose() was called; return it from the scope or pass it to keep()");
  }
  return box->tensor;
}

at::Generator& unwrapGenerator(const Napi::Value& value, const Name& what) {
  auto* box = static_cast<GeneratorBox*>(unwrap(value, &Owned::generators));
  if (!box) throw badArgument(what + " must be a Generator, got " + describe(value));
  return box->generator;
}

static std::string argumentName(const c10::Argument& argument) {
  std::string text = "argument '" + argument.name() + "' (" + argument.real_type()->str();
  // 2.x prints symbolic integers, which JavaScript does not have
  const size_t symbolic = text.find("SymInt");
  if (symbolic != std::string::npos) text.replace(symbolic, 6, "int");
  // int[] prints without its length
  if (argument.N() && text.size() > 2 && text.substr(text.size() - 2) == "[]") text.insert(text.size() - 1, std::to_string(*argument.N()));
  return text + ")";
}

std::string Name::text() const {
  if (list_) return "element " + std::to_string(index_) + " of " + list_->text();
  return argument_ ? argumentName(*argument_) : text_;
}

std::string describeTensor(const at::Tensor& tensor) {
  std::ostringstream out;
  out << dtypeName(tensor.scalar_type()) << "[";
  for (int64_t i = 0; i < tensor.dim(); i++) out << (i ? "," : "") << tensor.size(i);
  out << "]";
  return out.str();
}

std::string printable(const std::string& text) {
  constexpr size_t kLimit = 200;
  // Not inside a UTF-8 sequence, whose bytes after the first begin with the bits 10.
  size_t end = std::min(text.size(), kLimit);
  while (end < text.size() && end > 0 && (text[end] & 0xc0) == 0x80) end--;
  return end < text.size() ? text.substr(0, end) + "\u2026" : text;
}

std::string describe(const Napi::Value& value) {
  if (value.IsUndefined()) return "undefined";
  if (value.IsNull()) return "null";
  if (value.IsString()) return "the string \"" + printable(value.As<Napi::String>().Utf8Value()) + "\"";
  if (value.IsNumber() || value.IsBoolean()) return value.ToString().Utf8Value();
  if (value.IsBigInt()) return "the bigint " + printable(value.ToString().Utf8Value());
  if (value.IsFunction()) return "a function";
  if (value.IsSymbol()) return "a symbol";
  if (isTensor(value)) return "a Tensor";
  if (isGenerator(value)) return "a Generator";
  if (value.IsArray()) return "an array of " + std::to_string(value.As<Napi::Array>().Length());
  if (value.IsTypedArray()) return "a typed array";
  return "an object";
}

static Napi::Value dispose(const Napi::CallbackInfo& info) {
  auto* box = static_cast<TensorBox*>(unwrap(info[0], &Owned::tensors));
  if (!box) throw badArgument("dispose: this must be a Tensor, got " + describe(info[0]));
  box->release();
  return info.Env().Undefined();
}

static Napi::Value isDisposed(const Napi::CallbackInfo& info) {
  auto* box = static_cast<TensorBox*>(unwrap(info[0], &Owned::tensors));
  if (!box) throw badArgument("disposed: this must be a Tensor, got " + describe(info[0]));
  return Napi::Boolean::New(info.Env(), box->disposed);
}

void exportHandles(Napi::Object exports) {
  exports.Set("NativeTensor", defineClass<constructTensor>(exports.Env(), "NativeTensor"));
  exports.Set("NativeGenerator", defineClass<constructGenerator>(exports.Env(), "NativeGenerator"));
  define<dispose>(exports, "dispose");
  define<isDisposed>(exports, "isDisposed");
}

}  // namespace evenhand
