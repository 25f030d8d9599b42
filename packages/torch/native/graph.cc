// CUDA graphs: all kernels of a training step, recorded once and then started by one call.
#include "compat.h"
#include "environment.h"
#include "streams.h"
#include "types.h"

#if defined(EVENHAND_CUDA) && EVENHAND_TORCH_AT_LEAST(2, 1)
#include <cuda.h>  // CUDAGraph.h depends on its version

#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/StreamGuard.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>

#include <algorithm>
#include <memory>
#include <new>

namespace evenhand {

namespace allocator = c10::cuda::CUDACachingAllocator;
using at::cuda::CUDAGraph;

// A libtorch that was built with another CUDA than ours has the same object with more or fewer members at its end.
class Graph {
 public:
  explicit Graph(c10::DeviceIndex device) : device(device), graph_(new (memory_) CUDAGraph()) {}
  ~Graph() { graph_->~CUDAGraph(); }
  CUDAGraph& operator*() { return *graph_; }

  const c10::DeviceIndex device;
  int64_t bytes = 0;

 private:
  alignas(std::max_align_t) unsigned char memory_[sizeof(CUDAGraph) + 1024];
  CUDAGraph* const graph_;
};

// The allocator does not count what graphs keep after they were captured.
static void addKeptBytes(Environment& environment, c10::DeviceIndex device, int64_t bytes) {
  const int64_t peak = allocator::getDeviceStats(device).allocated_bytes[0].peak;
  environment.peakBefore = std::max(environment.peakBefore, peak + environment.graphBytes);
  environment.graphBytes += bytes;
  allocator::resetPeakStats(device);
}

struct CaptureMark {
  explicit CaptureMark(bool& capturing) : capturing(capturing) { capturing = true; }
  ~CaptureMark() { capturing = false; }
  bool& capturing;
};

static Graph& graphOf(const Napi::Value& value) {
  if (!value.IsExternal()) throw badArgument("expected what captureGraph returned");
  return *value.As<Napi::External<Graph>>().Data();
}

// captureGraph(stream, graph that it shares memory with or null, work) -> the graph of all that `work` gives to the device,
// none of which is computed yet. Graphs that share memory must not be needed after the other was replayed.
static Napi::Value captureGraph(const Napi::CallbackInfo& info) {
  Environment& environment = environmentOf(info.Env());
  const c10::Stream stream = streamOf(info[0]);
  const c10::StreamGuard guard(stream);
  c10::cuda::device_synchronize();
  allocator::emptyCache();
  const auto reserved = [&] { return allocator::getDeviceStats(stream.device_index()).reserved_bytes[0].current; };
  const int64_t before = reserved();
  auto graph = std::make_unique<Graph>(stream.device_index());
  if (info[1].IsNull()) (**graph).capture_begin();
  else (**graph).capture_begin((*graphOf(info[1])).pool());
  try {
    const CaptureMark mark(environment.capturing);
    info[2].As<Napi::Function>().Call({});
  } catch (...) {
    try {
      (**graph).capture_end();
    } catch (const std::exception&) {
      // The failure in `work` is the cause.
    }
    throw;
  }
  (**graph).capture_end();
  graph->bytes = reserved() - before;
  addKeptBytes(environment, graph->device, graph->bytes);
  const auto result = Napi::External<Graph>::New(info.Env(), graph.get(), [](Napi::Env, Graph* each) { delete each; });
  graph.release();
  return result;
}

static Napi::Value replayGraph(const Napi::CallbackInfo& info) {
  (*graphOf(info[0])).replay();
  return info.Env().Undefined();
}

// Frees the graph's memory. Replaying it is then an error of libtorch.
static Napi::Value resetGraph(const Napi::CallbackInfo& info) {
  Graph& graph = graphOf(info[0]);
  addKeptBytes(environmentOf(info.Env()), graph.device, -graph.bytes);
  graph.bytes = 0;
  (*graph).reset();
  allocator::emptyCache();
  return info.Env().Undefined();
}

static Napi::Value hasGraphs(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), true); }

#else

namespace evenhand {

static Napi::Value hasGraphs(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), false); }

static Napi::Value unavailable(const Napi::CallbackInfo&) { throw badArgument("this addon was built without CUDA graphs"); }

static constexpr auto captureGraph = unavailable, replayGraph = unavailable, resetGraph = unavailable;

#endif

void exportGraph(Napi::Object exports) {
  define<hasGraphs>(exports, "hasGraphs");
  define<captureGraph>(exports, "captureGraph");
  define<replayGraph>(exports, "replayGraph");
  define<resetGraph>(exports, "resetGraph");
}

}  // namespace evenhand
