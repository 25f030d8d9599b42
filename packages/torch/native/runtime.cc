// Settings of the whole process: devices, threads, seeds, determinism, memory.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "environment.h"
#include "memory.h"
#include "types.h"

namespace evenhand {

static Napi::Value devices(const Napi::CallbackInfo& info) {
  Napi::Array names = Napi::Array::New(info.Env());
  names.Set(0u, Napi::String::New(info.Env(), "cpu"));
  const int64_t gpus = at::hasCUDA() ? at::detail::getCUDAHooks().getNumGPUs() : 0;
  for (int64_t i = 0; i < gpus; i++) names.Set(names.Length(), Napi::String::New(info.Env(), "cuda:" + std::to_string(i)));
  if (at::hasMPS()) names.Set(names.Length(), Napi::String::New(info.Env(), "mps"));
  return names;
}

static Napi::Value setNumThreads(const Napi::CallbackInfo& info) {
  const int64_t threads = parseInt(info[0], "threads");
  if (threads < 1 || threads > 4096) throw badArgument("setNumThreads: threads must be between 1 and 4096, got " + std::to_string(threads));
  at::set_num_threads(static_cast<int>(threads));
  return info.Env().Undefined();
}

static Napi::Value getNumThreads(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), at::get_num_threads()); }

static Napi::Value manualSeed(const Napi::CallbackInfo& info) {
  at::manual_seed(parseSeed(info[0], "seed"));
  return info.Env().Undefined();
}

static Napi::Value setDeterministic(const Napi::CallbackInfo& info) {
  at::globalContext().setDeterministicAlgorithms(parseBool(info[0], "deterministic"), /*warn_only=*/false);
  at::globalContext().setDeterministicCuDNN(parseBool(info[0], "deterministic"));
  return info.Env().Undefined();
}

static Napi::Value setTf32(const Napi::CallbackInfo& info) {
  const bool allowed = parseBool(info[0], "allowed");
  at::globalContext().setAllowTF32CuBLAS(allowed);
  at::globalContext().setAllowTF32CuDNN(allowed);
  return info.Env().Undefined();
}

static Napi::Value setCudnnBenchmark(const Napi::CallbackInfo& info) {
  at::globalContext().setBenchmarkCuDNN(parseBool(info[0], "enabled"));
  return info.Env().Undefined();
}

// keepFreedMemory() -> whether the C library does it. A training step frees large blocks and asks for them again. By
// default glibc returns each one to the kernel, which must then zero it page by page for the next step.
static Napi::Value keepFreedMemory(const Napi::CallbackInfo& info) {
  bool accepted = false;
#ifdef __GLIBC__
  // Blocks below the threshold come from the heap. Before 2.35, glibc accepts 32 MiB at most; there, no block at all
  // may come from mmap, so that all of them come from the heap.
  accepted = mallopt(M_MMAP_THRESHOLD, 1 << 30) == 1 || mallopt(M_MMAP_MAX, 0) == 1;
  // The heap does not shrink, and grows by 64 MiB at a time.
  accepted = accepted && mallopt(M_TRIM_THRESHOLD, 2147483647) == 1 && mallopt(M_TOP_PAD, 64 << 20) == 1;
  if (accepted) useHugePages();
#endif
  return Napi::Boolean::New(info.Env(), accepted);
}

// peakCpuMemory(reset) -> the most bytes that tensors have taken at once, counted from now on if `reset`
static Napi::Value peakCpuMemory(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(peakCpuMemory(parseBool(info[0], "reset"))));
}

void exportRuntime(Napi::Object exports) {
  installCpuAllocator();
  define<devices>(exports, "devices");
  define<setNumThreads>(exports, "setNumThreads");
  define<getNumThreads>(exports, "getNumThreads");
  define<manualSeed>(exports, "manualSeed");
  define<setDeterministic>(exports, "setDeterministic");
  define<setTf32>(exports, "setTf32");
  define<setCudnnBenchmark>(exports, "setCudnnBenchmark");
  define<keepFreedMemory>(exports, "keepFreedMemory");
  define<peakCpuMemory>(exports, "peakCpuMemory");
}

}  // namespace evenhand
