// Queues of a GPU besides the one that it computes from. CUDA calls them streams.
#include <ATen/ATen.h>
#include <c10/core/Event.h>
#include <c10/core/GradMode.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "environment.h"
#include "handles.h"
#include "streams.h"
#include "types.h"

namespace evenhand {

c10::Stream streamOf(const Napi::Value& value) {
  if (!value.IsExternal()) throw badArgument("expected what newStream returned, got " + describe(value));
  return *value.As<Napi::External<c10::Stream>>().Data();
}

// All that `second` is given from now on waits for what `first` has been given so far.
static void inOrder(const c10::Stream& first, const c10::Stream& second) {
  c10::Event event(first.device_type());
  event.record(first);
  event.block(second);
}

// newStream(device) -> a stream; null for a device that has none
static Napi::Value newStream(const Napi::CallbackInfo& info) {
  const at::Device device = parseDevice(info[0], "device");
  if (!device.is_cuda()) return info.Env().Null();
  const c10::impl::VirtualGuardImpl guard(device.type());
  const at::Device numbered = device.has_index() ? device : guard.getDevice();
  auto* stream = new c10::Stream(guard.getStreamFromGlobalPool(numbered));
  return Napi::External<c10::Stream>::New(info.Env(), stream, [](Napi::Env, c10::Stream* each) { delete each; });
}

// onStream(stream, work) -> what `work` returns. Before and after it, the streams wait for one another.
static Napi::Value onStream(const Napi::CallbackInfo& info) {
  const c10::Stream inner = streamOf(info[0]);
  const c10::Stream outer = c10::impl::VirtualGuardImpl(inner.device_type()).getStream(inner.device());
  inOrder(outer, inner);
  const Napi::Value result = [&] {
    const c10::StreamGuard guard(inner);
    return info[1].As<Napi::Function>().Call({});
  }();
  inOrder(inner, outer);
  return result;
}

// upload(stream, array, dtype of its bytes, shape) -> a copy on the stream's device. The array may be changed at once. The
// device copies while it computes what it was given before; what it is given from now on waits for the copy.
static Napi::Value upload(const Napi::CallbackInfo& info) {
  const c10::NoGradGuard noGrad;
  const c10::Stream side = streamOf(info[0]);
  const at::Tensor view = borrowArray(info[1], parseDtype(info[2], "the array's dtype"), parseShape(info[3], "shape"), "data");
  // libtorch keeps page-locked memory for the next batch, and does not give it away before the device has read it.
  const at::Tensor staged = at::empty(view.sizes(), view.options().pinned_memory(true)).copy_(view);
  const c10::Stream compute = c10::impl::VirtualGuardImpl(side.device_type()).getStream(side.device());
  at::Tensor copy;
  {
    const c10::StreamGuard guard(side);
    copy = staged.to(side.device(), /*dtype=*/staged.scalar_type(), /*non_blocking=*/true);
  }
  inOrder(side, compute);
  // Its memory belongs to `side`, which must not use it again before `compute` is done with it.
  copy.record_stream(compute);
  return wrapTensor(info.Env(), copy);
}

void exportStreams(Napi::Object exports) {
  define<newStream>(exports, "newStream");
  define<onStream>(exports, "onStream");
  define<upload>(exports, "upload");
}

}  // namespace evenhand
