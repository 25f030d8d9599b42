// Memory of tensors on the CPU.
#pragma once

#include <cstdint>

namespace evenhand {

// Makes libtorch take the memory of tensors from our allocator. Called when the addon is loaded; once is enough.
void installCpuAllocator();

// The most bytes that tensors have taken at once; with `reset`, counted from what they take now.
int64_t peakCpuMemory(bool reset);

}  // namespace evenhand
