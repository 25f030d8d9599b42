// Conversion between JavaScript values and the types of a schema.
#pragma once

#include <ATen/core/ivalue.h>
#include <napi.h>

#include <string>

#include "environment.h"

namespace evenhand {

ArgumentType readType(const c10::TypePtr& type);

// A JavaScript argument as the dispatcher's boxed value. `what` names it in messages: `argument 'stride' (int[2])`.
c10::IValue toIValue(const Napi::Value& value, const ArgumentType& type, const std::string& what);
Napi::Value fromIValue(Napi::Env env, const c10::IValue& value);

const char* dtypeName(at::ScalarType dtype);
at::ScalarType parseDtype(const Napi::Value& value, const std::string& what);
at::Device parseDevice(const Napi::Value& value, const std::string& what);
at::MemoryFormat parseMemoryFormat(const Napi::Value& value, const std::string& what);
uint64_t parseSeed(const Napi::Value& value, const std::string& what);
bool parseBool(const Napi::Value& value, const std::string& what);
int64_t parseInt(const Napi::Value& value, const std::string& what);
std::vector<int64_t> parseShape(const Napi::Value& value, const std::string& what);
std::vector<at::Tensor> parseTensors(const Napi::Value& value, const std::string& what);

Napi::Value intArray(Napi::Env env, at::IntArrayRef values);

}  // namespace evenhand
