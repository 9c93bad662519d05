#include "fibers.h"

#include <cstdint>
#include <cstring>
#include <new>

#include <sys/mman.h>

#ifndef __x86_64__
#error "fibers are switched in x86-64 assembly"
#endif

// swapcontext() would call the kernel each time, to keep a mask of signals. What a called function must keep is what is
// kept here.
asm(R"(
.text
.globl finepune_switch_fiber
.hidden finepune_switch_fiber
.type finepune_switch_fiber, @function
finepune_switch_fiber:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size finepune_switch_fiber, .-finepune_switch_fiber
)");

namespace finepune::emulation {

namespace {

constexpr size_t kPage = 4096;
constexpr size_t kCacheLine = 64;
constexpr size_t kStackBytes = 32 * kPage;
constexpr int kSavedRegisters = 6;

char* map_stack() {
  void* memory = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  mprotect(memory, kPage, PROT_NONE);
  return static_cast<char*>(memory);
}

}  // namespace

Stacks::~Stacks() {
  for (char* stack : stacks_) munmap(stack, kStackBytes);
}

void* Stacks::begin(size_t index, void (*entry)()) {
  while (stacks_.size() <= index) stacks_.push_back(map_stack());
  // Tops do not lie at one place of their pages: a cache holds few lines of such addresses.
  const size_t unused = index * kCacheLine % kPage;
  // As if `entry` had been called: its return address, which nobody uses, lies on the top.
  auto* top = reinterpret_cast<void**>(stacks_[index] + kStackBytes - unused);
  *--top = nullptr;
  *--top = reinterpret_cast<void*>(entry);
  for (int i = 0; i < kSavedRegisters; ++i) *--top = nullptr;
  return top;
}

}  // namespace finepune::emulation
