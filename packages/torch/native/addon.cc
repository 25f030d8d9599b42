// The addon's export list. Every entry is a plain function: receivers are checked by type tag, never trusted.
#include <napi.h>
#include <torch/csrc/api/include/torch/version.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "autograd.h"
#include "dispatch.h"
#include "environment.h"
#include "handles.h"
#include "tensor.h"

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

template <Function function>
static void define(Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New(exports.Env(), guarded<function>, name));
}

static Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  keepFreedMemory();
  env.SetInstanceData(new Environment());
  exports.Set("version", Napi::String::New(env, TORCH_VERSION));
  exports.Set("NativeTensor", defineTensorBase(env));
  exports.Set("NativeGenerator", defineGeneratorBase(env));
  define<setClasses>(exports, "setClasses");
  define<liveTensors>(exports, "liveTensors");
  define<dispose>(exports, "dispose");
  define<isDisposed>(exports, "isDisposed");

  define<resolve>(exports, "resolve");
  define<call>(exports, "call");
  define<schema>(exports, "schema");

  define<fromArray>(exports, "fromArray");
  define<copyToArray>(exports, "copyToArray");
  define<shape>(exports, "shape");
  define<strides>(exports, "strides");
  define<dtype>(exports, "dtype");
  define<device>(exports, "device");
  define<memoryFormat>(exports, "memoryFormat");
  define<item>(exports, "item");
  define<setData>(exports, "setData");

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
  return exports;
}

NODE_API_MODULE(evenhand_torch, initialise)

}  // namespace evenhand
