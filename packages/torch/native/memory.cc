// The allocator of tensors on the CPU. libtorch's own asks posix_memalign for blocks at multiples of 64 bytes. glibc cuts
// them out of larger ones and keeps the cuttings in its caches of small blocks, where they stop freed neighbours from
// becoming whole again: memory grows with every batch whose tensors have odd sizes. Aligning within a plain malloc leaves
// no cuttings.
#include "memory.h"

#include <c10/core/Allocator.h>
#include <c10/util/Exception.h>

#include <atomic>
#include <cstdlib>
#include <cstring>

#ifdef __linux__
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace evenhand {

namespace {

constexpr size_t alignment = 64;

// Stands before each block.
struct alignas(alignment) Header {
  void* start;  // what malloc returned
  size_t bytes;
};

std::atomic<int64_t> inUse{0};
std::atomic<int64_t> peak{0};

#if defined(__linux__) && defined(MADV_HUGEPAGE)
constexpr uintptr_t page = 4096;
constexpr size_t smallBlock = 64 << 10;
// The heap up to this address needs no advice. Initially all of it, so that nothing is done before useHugePages().
std::atomic<uintptr_t> advised{UINTPTR_MAX};

// Asks for huge pages for what the heap has grown by.
void adviseNewHeap() {
  const auto end = reinterpret_cast<uintptr_t>(sbrk(0));
  uintptr_t begin = advised.load(std::memory_order_relaxed);
  if (end <= begin || !advised.compare_exchange_strong(begin, end)) return;
  begin = begin / page * page;
  madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
}
#endif

void release(void* data) {
  if (!data) return;
  const Header& header = static_cast<Header*>(data)[-1];
  inUse.fetch_sub(static_cast<int64_t>(header.bytes), std::memory_order_relaxed);
  std::free(header.start);
}

c10::DataPtr take(size_t bytes) {
  if (bytes == 0) return {nullptr, nullptr, &release, c10::kCPU};
  constexpr size_t extra = sizeof(Header) + alignment;
  void* start = bytes <= PTRDIFF_MAX - extra ? std::malloc(bytes + extra) : nullptr;
  TORCH_CHECK(start, "can't allocate memory: tried to allocate ", bytes, " bytes on the CPU");
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (bytes >= smallBlock) adviseNewHeap();
#endif
  const auto address = reinterpret_cast<uintptr_t>(start) + sizeof(Header);
  auto* header = reinterpret_cast<Header*>((address + alignment - 1) / alignment * alignment) - 1;
  *header = {start, bytes};
  const int64_t now = inUse.fetch_add(static_cast<int64_t>(bytes), std::memory_order_relaxed) + static_cast<int64_t>(bytes);
  int64_t most = peak.load(std::memory_order_relaxed);
  while (now > most && !peak.compare_exchange_weak(most, now, std::memory_order_relaxed)) {
  }
  return {header + 1, header + 1, &release, c10::kCPU};
}

// Without `override`: libtorch 2.x dropped a `const` and added `copy_data`.
struct CpuAllocator : c10::Allocator {
  c10::DataPtr allocate(size_t bytes) const { return take(bytes); }
  c10::DataPtr allocate(size_t bytes) { return take(bytes); }
  c10::DeleterFnPtr raw_deleter() const { return &release; }
  void copy_data(void* to, const void* from, size_t bytes) const { std::memcpy(to, from, bytes); }
};

}  // namespace

void installCpuAllocator() {
  static CpuAllocator allocator;
  // Once, as several JavaScript threads may load the addon. The default's priority is 0.
  static const bool installed = (c10::SetAllocator(c10::kCPU, &allocator, /*priority=*/1), true);
  (void)installed;
}

void useHugePages() {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (advised.load(std::memory_order_relaxed) == UINTPTR_MAX) advised.store(reinterpret_cast<uintptr_t>(sbrk(0)));
#endif
}

int64_t peakCpuMemory(bool reset) {
  if (reset) peak.store(inUse.load(std::memory_order_relaxed), std::memory_order_relaxed);
  return peak.load(std::memory_order_relaxed);
}

}  // namespace evenhand
