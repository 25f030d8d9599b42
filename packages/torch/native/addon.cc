// The addon's entry.
#include <napi.h>
#include <torch/csrc/api/include/torch/version.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "environment.h"

namespace evenhand {

// setClasses(Tensor, TorchError): the classes whose instances the addon makes.
static Napi::Value setClasses(const Napi::CallbackInfo& info) {
  Environment& environment = Environment::of(info.Env());
  environment.tensorClass = Napi::Persistent(info[0].As<Napi::Function>());
  environment.errorClass = Napi::Persistent(info[1].As<Napi::Function>());
  return info.Env().Undefined();
}

static Napi::Value liveTensors(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(*Environment::of(info.Env()).liveTensors));
}

// A training step frees and asks for the same large blocks again. glibc hands each back to the kernel and gets it
// zeroed page by page; keeping them makes a step of EfficientNet-B0 about a tenth faster (see bench/).
static void keepFreedMemory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 2147483647);
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

static Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  keepFreedMemory();
  env.SetInstanceData(new Environment());
  exports.Set("version", Napi::String::New(env, TORCH_VERSION));
  define<setClasses>(exports, "setClasses");
  define<liveTensors>(exports, "liveTensors");
  exportHandles(exports);
  exportDispatch(exports);
  exportTensor(exports);
  exportAutograd(exports);
  return exports;
}

NODE_API_MODULE(evenhand_torch, initialise)

}  // namespace evenhand
