// Memory for vectors: 64-byte aligned, zeroed, in huge pages where it is large.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "memory/huge_pages.h"

namespace finepune::serve {

struct FreeMemory {
  void operator()(void* memory) const { std::free(memory); }
};

class AlignedFloats {
 public:
  AlignedFloats() = default;
  explicit AlignedFloats(int64_t count) : count_(count) {
    const size_t wanted = static_cast<size_t>(count) * sizeof(float);
    if (wanted == 0) return;
    // Planes are walked across, a few lines of each: with small pages nearly every walk would miss the nearest table of
    // pages.
    const bool huge = wanted >= 2 * kHugePage;
    const size_t alignment = huge ? kHugePage : kLine, bytes = (wanted + kLine - 1) / kLine * kLine;
    // Not std::aligned_alloc: an allocator may refuse it a size that is no multiple of the alignment, as sanitizers' do.
    void* memory = nullptr;
    if (posix_memalign(&memory, alignment, bytes) != 0) throw std::bad_alloc();
    memory_.reset(static_cast<float*>(memory));
    if (huge) ask_for_huge_pages(memory_.get(), bytes);
    std::memset(memory_.get(), 0, bytes);
  }

  float* data() const { return memory_.get(); }
  int64_t count() const { return count_; }
  bool empty() const { return memory_ == nullptr; }

 private:
  static constexpr size_t kLine = 64;

  std::unique_ptr<float, FreeMemory> memory_;
  int64_t count_ = 0;
};

}  // namespace finepune::serve
