#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "environment.h"
#include "handles.h"
#include "types.h"

namespace evenhand {

at::Tensor borrowArray(const Napi::Value& value, at::ScalarType dtype, at::IntArrayRef shape, const Name& what) {
  if (!value.IsTypedArray()) throw badArgument(what + " must be a typed array, got " + describe(value));
  const auto array = value.As<Napi::TypedArray>();
  int64_t elements = 1;
  for (const int64_t size : shape) {
    if (size < 0 || (size > 0 && elements > INT64_MAX / size)) throw badArgument("the shape has a negative or too large size: " + std::to_string(size));
    elements *= size;
  }
  const int64_t width = static_cast<int64_t>(c10::elementSize(dtype));
  if (elements > INT64_MAX / width || static_cast<size_t>(elements * width) != array.ByteLength()) {
    throw badArgument(what + " has " + std::to_string(array.ByteLength() / width) + " " + dtypeName(dtype) + " elements, but the shape needs " + std::to_string(elements));
  }
  void* data = nullptr;
  napi_get_typedarray_info(value.Env(), value, nullptr, nullptr, &data, nullptr, nullptr);
  return at::from_blob(data, shape, at::TensorOptions().dtype(dtype));
}

// fromArray(array, dtype of its bytes, shape, dtype of the result, device): copies and converts in one pass.
static Napi::Value fromArray(const Napi::CallbackInfo& info) {
  const c10::NoGradGuard guard;
  const at::ScalarType source = parseDtype(info[1], "the array's dtype");
  const at::Tensor view = borrowArray(info[0], source, parseShape(info[2], "shape"), "data");
  const at::Device device = parseDevice(info[4], "device");
  const at::ScalarType dtype = parseDtype(info[3], "dtype");
  if (device.is_cuda()) {
    if (environmentOf(info.Env()).capturing) {
      throw badArgument("an array cannot be copied to the GPU in a CUDA graph, which would keep its values of now: make the tensor before");
    }
    // From page-locked memory the GPU copies by itself, when its queue has reached the copy. libtorch keeps that memory until then.
    const at::Tensor staged = at::empty(view.sizes(), at::TensorOptions().dtype(dtype).pinned_memory(true)).copy_(view);
    return wrapTensor(info.Env(), staged.to(device, dtype, /*non_blocking=*/true));
  }
  return wrapTensor(info.Env(), view.to(device, dtype, /*non_blocking=*/false, /*copy=*/true));
}

// copyToArray(tensor, array, dtype of its bytes): resolves strides, dtype and device in one pass.
static Napi::Value copyToArray(const Napi::CallbackInfo& info) {
  const c10::NoGradGuard guard;
  const at::Tensor tensor = unwrapTensor(info[0], "this");
  borrowArray(info[1], parseDtype(info[2], "the array's dtype"), tensor.sizes(), "the target").copy_(tensor);
  return info[1];
}

static Napi::Value shape(const Napi::CallbackInfo& info) { return intArray(info.Env(), unwrapTensor(info[0], "this").sizes()); }

static Napi::Value strides(const Napi::CallbackInfo& info) { return intArray(info.Env(), unwrapTensor(info[0], "this").strides()); }

static Napi::Value dtype(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), dtypeName(unwrapTensor(info[0], "this").scalar_type()));
}

static Napi::Value device(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), unwrapTensor(info[0], "this").device().str());
}

static Napi::Value memoryFormat(const Napi::CallbackInfo& info) {
  const bool channelsLast = unwrapTensor(info[0], "this").suggest_memory_format() == at::MemoryFormat::ChannelsLast;
  return Napi::String::New(info.Env(), channelsLast ? "channelsLast" : "contiguous");
}

static Napi::Value item(const Napi::CallbackInfo& info) {
  const at::Tensor& tensor = unwrapTensor(info[0], "this");
  if (tensor.numel() != 1) throw badArgument("item() needs a tensor with one element, got " + describeTensor(tensor));
  return Napi::Number::New(info.Env(), tensor.item().toDouble());
}

// setData(tensor, source): the tensor takes the memory of the source and keeps its identity, and so its place in optimizers.
static Napi::Value setData(const Napi::CallbackInfo& info) {
  const at::Tensor& source = unwrapTensor(info[1], "the source");
  unwrapTensor(info[0], "this").set_data(source.detach());
  return info[0];
}

void exportTensor(Napi::Object exports) {
  define<fromArray>(exports, "fromArray");
  define<copyToArray>(exports, "copyToArray");
  define<shape>(exports, "shape");
  define<strides>(exports, "strides");
  define<dtype>(exports, "dtype");
  define<device>(exports, "device");
  define<memoryFormat>(exports, "memoryFormat");
  define<item>(exports, "item");
  define<setData>(exports, "setData");
}

}  // namespace evenhand
