// Any ATen operation by its schema name, arguments boxed by the schema's types.
#pragma once

#include <napi.h>

namespace evenhand {

// resolve(name, overload) -> id, remembered by the caller.
Napi::Value resolve(const Napi::CallbackInfo& info);

// call(id, ...arguments): keyword-only arguments come last, as one object.
Napi::Value call(const Napi::CallbackInfo& info);

// schema(name, overload) -> the schema as the loaded libtorch prints it, or null when it has no such operation.
Napi::Value schema(const Napi::CallbackInfo& info);

}  // namespace evenhand
