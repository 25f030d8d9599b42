// Conversion between JavaScript values and the types of a schema.
#pragma once

#include <ATen/core/ivalue.h>
#include <napi.h>

#include <string>

#include "environment.h"
#include "handles.h"

namespace evenhand {

ArgumentType readType(const c10::TypePtr& type);

// A JavaScript argument as the dispatcher's boxed value. `what` names it in messages.
c10::IValue toIValue(const Napi::Value& value, const ArgumentType& type, const Name& what);
Napi::Value fromIValue(Napi::Env env, const c10::IValue& value);

const char* dtypeName(at::ScalarType dtype);
at::ScalarType parseDtype(const Napi::Value& value, const Name& what);
at::Device parseDevice(const Napi::Value& value, const Name& what);
at::MemoryFormat parseMemoryFormat(const Napi::Value& value, const Name& what);
uint64_t parseSeed(const Napi::Value& value, const Name& what);
bool parseBool(const Napi::Value& value, const Name& what);
int64_t parseInt(const Napi::Value& value, const Name& what);
std::vector<int64_t> parseShape(const Napi::Value& value, const Name& what);
std::vector<at::Tensor> parseTensors(const Napi::Value& value, const Name& what);

// A tensor on the memory of a typed array. It must not outlive the call, as JavaScript owns the memory.
at::Tensor borrowArray(const Napi::Value& value, at::ScalarType dtype, at::IntArrayRef shape, const Name& what);

Napi::Value intArray(Napi::Env env, at::IntArrayRef values);

}  // namespace evenhand
