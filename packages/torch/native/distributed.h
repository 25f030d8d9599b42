// Several processes: libtorch's c10d. Without it in libtorch, EVENHAND_GLOO is not defined (setup/build.ts).
#pragma once

#include <napi.h>

#ifdef EVENHAND_GLOO
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include "compat.h"
#endif

#include "environment.h"

namespace evenhand {

void exportDistributed(Napi::Object exports);

#ifdef EVENHAND_GLOO

#if EVENHAND_TORCH_AT_LEAST(2, 0)
using Backend = c10d::Backend;
#else
using Backend = c10d::ProcessGroup;
#endif

struct Group {
  c10::intrusive_ptr<Backend> cpu;
  c10::intrusive_ptr<Backend> gpu;  // NCCL; empty without it
  bool usesNccl(const at::Tensor& tensor) const { return gpu && tensor.is_cuda(); }
  Backend& of(const at::Tensor& tensor) const {
    if (!cpu) throw badArgument("the process group was destroyed");
    return usesNccl(tensor) ? *gpu : *cpu;
  }
};

// A collective that goes on. NCCL's is in the queue of the GPU: what the GPU is given after waiting for it comes after it.
struct Started {
  c10::intrusive_ptr<c10d::Work> work;
  bool queued;
};

// What a JavaScript handle refers to. Handles are never freed by the garbage collector: the destructor of a group whose peer
// is gone waits for it.
template <typename T>
T& handleOf(const Napi::Value& value, const char* what) {
  if (!value.IsExternal()) throw badArgument(std::string("expected ") + what);
  return *value.As<Napi::External<T>>().Data();
}

// Starts the sum over all ranks of a tensor in place. Its memory is without gaps.
Started startAllReduce(const Group& group, at::Tensor tensor, const std::string& operation);

// Whether the work is done, or queued before what follows; waits for that at most `limit`. Throws if it failed.
bool waitFor(const Started& started, std::chrono::milliseconds limit);

c10::intrusive_ptr<Backend> newNcclGroup(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size, std::chrono::milliseconds timeout);
bool hasNccl();

void exportGradientBuckets(Napi::Object exports);

#endif

}  // namespace evenhand
