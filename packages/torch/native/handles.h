// The JavaScript objects that own C++ values: tensors and random generators.
#pragma once

#include <ATen/ATen.h>
#include <napi.h>

#include <string>

namespace evenhand {

// A new JavaScript Tensor that owns `tensor`; null for an undefined tensor.
Napi::Value wrapTensor(Napi::Env env, at::Tensor tensor);

bool isTensor(const Napi::Value& value);
bool isGenerator(const Napi::Value& value);

// The live tensor behind a JavaScript value, or null.
const at::Tensor* peekTensor(const Napi::Value& value);

// The tensor behind a JavaScript value. Throws a Failure that names `what` if the value is not a tensor or was disposed.
at::Tensor& unwrapTensor(const Napi::Value& value, const std::string& what);
at::Generator& unwrapGenerator(const Napi::Value& value, const std::string& what);

// At most 200 bytes of a text that a message quotes. The constructor of TorchError escapes control characters.
std::string printable(const std::string& text);

// Describes a JavaScript value for a message: `the string "same"`, `an array of 3`.
std::string describe(const Napi::Value& value);

// `float32[16,3,224,224]`
std::string describeTensor(const at::Tensor& tensor);

}  // namespace evenhand
