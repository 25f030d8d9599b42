// Mixed precision: the state that tells libtorch which operations to run in a 16-bit type.
#include <ATen/ATen.h>

#include "compat.h"
#include "environment.h"
#include "types.h"

namespace evenhand {

// enterAutocast(device type, dtype, enabled) -> the previous state, which leaveAutocast restores
static Napi::Value enterAutocast(const Napi::CallbackInfo& info) {
  const at::DeviceType device = parseDevice(info[0], "device").type();
  const at::ScalarType dtype = parseDtype(info[1], "dtype");
  if (dtype != at::kBFloat16 && dtype != at::kHalf) throw badArgument("autocast: dtype must be bfloat16 or float16, got " + std::string(dtypeName(dtype)));
  Napi::Array previous = Napi::Array::New(info.Env(), 3);
  previous.Set(0u, info[0]);
  previous.Set(1u, Napi::String::New(info.Env(), dtypeName(autocastDtype(device))));
  previous.Set(2u, Napi::Boolean::New(info.Env(), autocastEnabled(device)));
  setAutocast(device, parseBool(info[2], "enabled"), dtype);
  at::autocast::increment_nesting();
  return previous;
}

static Napi::Value leaveAutocast(const Napi::CallbackInfo& info) {
  const auto previous = info[0].As<Napi::Array>();
  // The outermost scope drops the casts of the weights: they are stale after the next optimizer step.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  setAutocast(parseDevice(previous.Get(0u), "device").type(), parseBool(previous.Get(2u), "enabled"), parseDtype(previous.Get(1u), "dtype"));
  return info.Env().Undefined();
}

void exportAutocast(Napi::Object exports) {
  define<enterAutocast>(exports, "enterAutocast");
  define<leaveAutocast>(exports, "leaveAutocast");
}

}  // namespace evenhand
