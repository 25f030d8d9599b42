// What there is to know about a GPU, and when its queue has reached a point.
#include <ATen/ATen.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <thread>

#include "compat.h"
#include "environment.h"
#include "types.h"

#if EVENHAND_TORCH_AT_LEAST(2, 11)
#include <c10/core/CachingDeviceAllocator.h>
#endif

namespace evenhand {

// CUDA's headers are seldom installed, so functions of the driver are looked up by name in the library that is loaded.
template <typename F>
static F* find(void* library, const char* name) {
  return library ? reinterpret_cast<F*>(dlsym(library, name)) : nullptr;
}

static void set(Napi::Object object, const char* key, const std::string& text) {
  if (!text.empty()) object.Set(key, Napi::String::New(object.Env(), text));
}

static std::string driverVersion() {
  void* library = dlopen("libnvidia-ml.so.1", RTLD_LAZY | RTLD_LOCAL);
  const auto initialize = find<int()>(library, "nvmlInit_v2");
  const auto version = find<int(char*, unsigned)>(library, "nvmlSystemGetDriverVersion");
  char text[96] = "";
  if (!initialize || !version || initialize() != 0 || version(text, sizeof text) != 0) return "";
  return text;
}

// gpuInfo(device) -> { name, capability, memoryMB, driver, cuda }, without those that are unknown; null for another device
static Napi::Value gpuInfo(const Napi::CallbackInfo& info) {
  const at::Device device = parseDevice(info[0], "device");
  if (!device.is_cuda()) return info.Env().Null();
  Napi::Object result = Napi::Object::New(info.Env());
  void* library = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  const auto initialize = find<int(unsigned)>(library, "cuInit");
  const auto get = find<int(int*, int)>(library, "cuDeviceGet");
  int handle = 0;
  if (initialize && get && initialize(0) == 0 && get(&handle, device.has_index() ? device.index() : 0) == 0) {
    char name[256] = "";
    const auto nameOf = find<int(char*, int, int)>(library, "cuDeviceGetName");
    if (nameOf && nameOf(name, sizeof name, handle) == 0) set(result, "name", name);
    // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR
    int major = 0, minor = 0;
    const auto attribute = find<int(int*, int, int)>(library, "cuDeviceGetAttribute");
    if (attribute && attribute(&major, 75, handle) == 0 && attribute(&minor, 76, handle) == 0) {
      set(result, "capability", std::to_string(major) + "." + std::to_string(minor));
    }
    size_t bytes = 0;
    const auto memory = find<int(size_t*, int)>(library, "cuDeviceTotalMem_v2");
    if (memory && memory(&bytes, handle) == 0) result.Set("memoryMB", std::round(static_cast<double>(bytes) / 1e6));
  }
  set(result, "driver", driverVersion());
  const long cuda = at::detail::getCUDAHooks().versionCUDART();
  set(result, "cuda", std::to_string(cuda / 1000) + "." + std::to_string(cuda % 1000 / 10));
  return result;
}

// peakGpuMemory(device) -> the most bytes that tensors and CUDA graphs have taken at once; null if this libtorch cannot say
static Napi::Value peakGpuMemory(const Napi::CallbackInfo& info) {
  const at::Device device = parseDevice(info[0], "device");
  if (!device.is_cuda()) return info.Env().Null();
#if EVENHAND_TORCH_AT_LEAST(2, 11)
  auto* allocator = dynamic_cast<c10::DeviceAllocator*>(c10::GetAllocator(device.type()));
  if (allocator && allocator->initialized()) {
    const auto stats = allocator->getDeviceStats(device.has_index() ? device.index() : 0);
    const auto all = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    const Environment& environment = environmentOf(info.Env());
    const int64_t peak = std::max(environment.peakBefore, stats.allocated_bytes[all].peak + environment.graphBytes);
    return Napi::Number::New(info.Env(), static_cast<double>(peak));
  }
#endif
  return info.Env().Null();
}

// recordEvent(device) -> a mark behind all that was queued on the GPU so far; null for a device without a queue
static Napi::Value recordEvent(const Napi::CallbackInfo& info) {
  const at::Device device = parseDevice(info[0], "device");
  if (!device.is_cuda()) return info.Env().Null();
  auto event = std::make_unique<c10::Event>(device.type());
  event->record(c10::impl::VirtualGuardImpl(device.type()).getStream(device));
  const auto result = Napi::External<c10::Event>::New(info.Env(), event.get(), [](Napi::Env, c10::Event* each) { delete each; });
  event.release();
  return result;
}

// waitForEvent(event): returns when the GPU has reached the mark
static Napi::Value waitForEvent(const Napi::CallbackInfo& info) {
  if (info[0].IsNull()) return info.Env().Undefined();
  if (!info[0].IsExternal()) throw badArgument("waitForEvent: expected what recordEvent returned");
  const c10::Event& event = *info[0].As<Napi::External<c10::Event>>().Data();
#if EVENHAND_TORCH_AT_LEAST(2, 5)
  event.synchronize();
#else
  while (!event.query()) std::this_thread::yield();
#endif
  return info.Env().Undefined();
}

void exportGpu(Napi::Object exports) {
  define<gpuInfo>(exports, "gpuInfo");
  define<peakGpuMemory>(exports, "peakGpuMemory");
  define<recordEvent>(exports, "recordEvent");
  define<waitForEvent>(exports, "waitForEvent");
}

}  // namespace evenhand
