// The addon's entry point.
#include <napi.h>
#include <torch/csrc/api/include/torch/version.h>

#include "distributed.h"
#include "environment.h"
#include "image.h"

namespace evenhand {

// The classes that the addon makes instances of.
static Napi::Value setTensorClass(const Napi::CallbackInfo& info) {
  environmentOf(info.Env()).tensorClass = Napi::Persistent(info[0].As<Napi::Function>());
  return info.Env().Undefined();
}

static Napi::Value setErrorClass(const Napi::CallbackInfo& info) {
  environmentOf(info.Env()).errorClass = Napi::Persistent(info[0].As<Napi::Function>());
  return info.Env().Undefined();
}

static Napi::Value liveTensors(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(environmentOf(info.Env()).owned->liveTensors));
}

static Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Environment());
  exports.Set("version", Napi::String::New(env, TORCH_VERSION));
  define<setTensorClass>(exports, "setTensorClass");
  define<setErrorClass>(exports, "setErrorClass");
  define<liveTensors>(exports, "liveTensors");
  exportHandles(exports);
  exportDispatch(exports);
  exportTensor(exports);
  exportAutograd(exports);
  exportAutocast(exports);
  exportRuntime(exports);
  exportWaiting(exports);
  exportGpu(exports);
  exportImage(exports);
  exportStreams(exports);
  exportGraph(exports);
  exportDistributed(exports);
  return exports;
}

NODE_API_MODULE(evenhand_torch, initialize)

}  // namespace evenhand
