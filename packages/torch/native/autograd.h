// Gradients, the modes that steer them, and the process's settings.
#pragma once

#include <napi.h>

namespace evenhand {

Napi::Value requiresGrad(const Napi::CallbackInfo& info);
Napi::Value setRequiresGrad(const Napi::CallbackInfo& info);
Napi::Value gradOf(const Napi::CallbackInfo& info);
Napi::Value setGrad(const Napi::CallbackInfo& info);
Napi::Value backward(const Napi::CallbackInfo& info);
Napi::Value gradients(const Napi::CallbackInfo& info);

Napi::Value setGradEnabled(const Napi::CallbackInfo& info);
Napi::Value enterAutocast(const Napi::CallbackInfo& info);
Napi::Value leaveAutocast(const Napi::CallbackInfo& info);
Napi::Value manualSeed(const Napi::CallbackInfo& info);
Napi::Value setDeterministic(const Napi::CallbackInfo& info);
Napi::Value setNumThreads(const Napi::CallbackInfo& info);
Napi::Value getNumThreads(const Napi::CallbackInfo& info);
Napi::Value devices(const Napi::CallbackInfo& info);

}  // namespace evenhand
