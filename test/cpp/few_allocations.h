// Memory on the CPU that runs out when a test says so.
#pragma once

#include <cstdint>
#include <new>

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

namespace finepune::test {

// While it lives, libtorch gets memory on the CPU for so many more tensors; std::bad_alloc then. On one thread.
class FewAllocations {
 public:
  explicit FewAllocations(int64_t count) : allocator_(*c10::GetCPUAllocator(), count) {
    c10::SetCPUAllocator(&allocator_, kHighest);
  }
  ~FewAllocations() { c10::SetCPUAllocator(&allocator_.before, kHighest); }
  FewAllocations(const FewAllocations&) = delete;
  FewAllocations& operator=(const FewAllocations&) = delete;

 private:
  static constexpr uint8_t kHighest = 255;

  struct Counted final : c10::Allocator {
    Counted(c10::Allocator& allocator, int64_t count) : before(allocator), left(count) {}
    c10::DataPtr allocate(size_t bytes) override {
      if (left-- <= 0) throw std::bad_alloc();
      return before.allocate(bytes);
    }
    c10::DeleterFnPtr raw_deleter() const override { return before.raw_deleter(); }
    void copy_data(void* destination, const void* source, size_t bytes) const override {
      default_copy_data(destination, source, bytes);
    }
    c10::Allocator& before;
    int64_t left;
  };

  Counted allocator_;
};

}  // namespace finepune::test
