// A tensor's properties and its bytes.
#pragma once

#include <napi.h>

namespace evenhand {

Napi::Value fromArray(const Napi::CallbackInfo& info);
Napi::Value copyToArray(const Napi::CallbackInfo& info);
Napi::Value shape(const Napi::CallbackInfo& info);
Napi::Value strides(const Napi::CallbackInfo& info);
Napi::Value dtype(const Napi::CallbackInfo& info);
Napi::Value device(const Napi::CallbackInfo& info);
Napi::Value memoryFormat(const Napi::CallbackInfo& info);
Napi::Value item(const Napi::CallbackInfo& info);
Napi::Value setData(const Napi::CallbackInfo& info);

}  // namespace evenhand
