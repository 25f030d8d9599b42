// The JavaScript objects that own C++ values: tensors and random generators.
#pragma once

#include <ATen/ATen.h>
#include <ATen/core/function_schema.h>
#include <napi.h>

#include <string>

namespace evenhand {

// What a message calls a value. It becomes text only when there is a message: a call has many arguments, and few fail.
class Name {
 public:
  Name(const char* text) : text_(text) {}
  Name(const c10::Argument& argument) : argument_(&argument) {}
  Name(const Name& list, uint32_t index) : list_(&list), index_(index) {}

  // `argument 'stride' (int[2])`, `element 3 of argument 'tensors' (Tensor[])`
  std::string text() const;

 private:
  const char* text_ = nullptr;
  const c10::Argument* argument_ = nullptr;
  const Name* list_ = nullptr;
  uint32_t index_ = 0;
};

inline std::string operator+(const Name& name, const std::string& rest) { return name.text() + rest; }

// A new JavaScript Tensor that owns `tensor`; null for an undefined tensor.
Napi::Value wrapTensor(Napi::Env env, at::Tensor tensor);

bool isTensor(const Napi::Value& value);
bool isGenerator(const Napi::Value& value);

// The live tensor behind a JavaScript value, or null.
const at::Tensor* peekTensor(const Napi::Value& value);

// The tensor behind a JavaScript value. Throws a Failure that names `what` if the value is not a tensor or was disposed.
at::Tensor& unwrapTensor(const Napi::Value& value, const Name& what);
at::Generator& unwrapGenerator(const Napi::Value& value, const Name& what);

// At most 200 bytes of a text that a message quotes. The constructor of TorchError escapes control characters.
std::string printable(const std::string& text);

// Describes a JavaScript value for a message: `the string "same"`, `an array of 3`.
std::string describe(const Napi::Value& value);

// `float32[16,3,224,224]`
std::string describeTensor(const at::Tensor& tensor);

}  // namespace evenhand
