// NCCL, where CUDA's headers are.
#include "distributed.h"

#if defined(EVENHAND_GLOO) && defined(EVENHAND_NCCL)
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

namespace evenhand {

bool hasNccl() { return true; }

c10::intrusive_ptr<Backend> newNcclGroup(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size, std::chrono::milliseconds timeout) {
  const auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = timeout;
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, size, options);
}

}  // namespace evenhand

#endif
