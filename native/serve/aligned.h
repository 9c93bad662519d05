// Memory for vectors: 64-byte aligned, zeroed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace finepune::serve {

struct FreeMemory {
  void operator()(void* memory) const { std::free(memory); }
};

class AlignedFloats {
 public:
  AlignedFloats() = default;
  explicit AlignedFloats(int64_t count) : count_(count) {
    const size_t bytes = (static_cast<size_t>(count) * sizeof(float) + 63) / 64 * 64;
    if (bytes == 0) return;
    memory_.reset(static_cast<float*>(std::aligned_alloc(64, bytes)));
    if (memory_ == nullptr) throw std::bad_alloc();
    std::memset(memory_.get(), 0, bytes);
  }

  float* data() const { return memory_.get(); }
  int64_t count() const { return count_; }
  bool empty() const { return memory_ == nullptr; }

 private:
  std::unique_ptr<float, FreeMemory> memory_;
  int64_t count_ = 0;
};

}  // namespace finepune::serve
