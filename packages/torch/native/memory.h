// Memory of tensors on the CPU.
#pragma once

#include <cstdint>

namespace evenhand {

// Makes libtorch take the memory of tensors from our allocator. Called when the addon is loaded; once is enough.
void installCpuAllocator();

// From now on the memory that the heap grows by is in huge pages where the system allows it: fewer page faults and fewer
// misses of address translation, which take a third of the time of a pass over memory.
void useHugePages();

// The most bytes that tensors have taken at once; with `reset`, counted from what they take now.
int64_t peakCpuMemory(bool reset);

}  // namespace evenhand
