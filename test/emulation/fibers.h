// Stacks that take turns on one CPU thread.
#pragma once

#include <cstddef>
#include <vector>

namespace finepune::emulation {

// Stacks of fibers; below each lies a page that nobody may touch.
class Stacks {
 public:
  Stacks() = default;
  Stacks(const Stacks&) = delete;
  Stacks& operator=(const Stacks&) = delete;
  ~Stacks();

  // Where to continue a fiber that begins at `entry` on stack `index`; `entry` must not return.
  void* begin(size_t index, void (*entry)());

 private:
  std::vector<char*> stacks_;
};

}  // namespace finepune::emulation

// Leaves where to continue the caller in `*from`, and continues at `to`.
extern "C" void finepune_switch_fiber(void** from, void* to);
