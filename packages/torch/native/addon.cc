// The addon's entry point.
#include <napi.h>
#include <torch/csrc/api/include/torch/version.h>

#include "environment.h"

namespace evenhand {

// setClasses(Tensor, TorchError): the classes that the addon makes instances of.
static Napi::Value setClasses(const Napi::CallbackInfo& info) {
  Environment& environment = environmentOf(info.Env());
  environment.tensorClass = Napi::Persistent(info[0].As<Napi::Function>());
  environment.errorClass = Napi::Persistent(info[1].As<Napi::Function>());
  return info.Env().Undefined();
}

static Napi::Value liveTensors(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(*environmentOf(info.Env()).liveTensors));
}

static Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Environment());
  exports.Set("version", Napi::String::New(env, TORCH_VERSION));
  define<setClasses>(exports, "setClasses");
  define<liveTensors>(exports, "liveTensors");
  exportHandles(exports);
  exportDispatch(exports);
  exportTensor(exports);
  exportAutograd(exports);
  exportAutocast(exports);
  exportRuntime(exports);
  exportGpu(exports);
  return exports;
}

NODE_API_MODULE(evenhand_torch, initialize)

}  // namespace evenhand
