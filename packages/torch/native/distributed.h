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
using WorkPointer = c10::intrusive_ptr<c10d::Work>;

struct Group {
  c10::intrusive_ptr<Backend> cpu;
  c10::intrusive_ptr<Backend> gpu;  // NCCL; empty without it
  Backend& of(const at::Tensor& tensor) const {
    if (!cpu) throw badArgument("the process group was destroyed");
    return gpu && tensor.is_cuda() ? *gpu : *cpu;
  }
};

// What a JavaScript handle refers to. Handles are never freed by the garbage collector: the destructor of a group whose peer
// is gone waits for it.
template <typename T>
T& handleOf(const Napi::Value& value, const char* what) {
  if (!value.IsExternal()) throw badArgument(std::string("expected ") + what);
  return *value.As<Napi::External<T>>().Data();
}

// Starts the sum over all ranks of a tensor in place. Its memory is without gaps.
WorkPointer startAllReduce(const Group& group, at::Tensor tensor, const std::string& operation);

// Whether the work is done; waits for that at most `milliseconds`, then returns false. Throws if it failed. A GPU's queue is
// not waited for: what it is given afterwards is.
bool waitFor(c10d::Work& work, std::chrono::milliseconds limit);

// Null unless built with NCCL.
c10::intrusive_ptr<Backend> newNcclGroup(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size, std::chrono::milliseconds timeout);
bool hasNccl();

void exportGradientBuckets(Napi::Object exports);

#endif

}  // namespace evenhand
