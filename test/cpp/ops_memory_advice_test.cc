#include <new>
#include <stdexcept>

#include <ATen/ATen.h>
#include <c10/core/impl/alloc_cpu.h>

#include "check.h"
#include "ops/error.h"
#include "ops/host_allocator.h"
#include "ops/memory_advice.h"

namespace finepune::test {

TEST("memory that runs out on the CPU becomes E_OOM with half the batch, whoever asked for it") {
  install_host_allocator();
  const auto run = [](int64_t batch, auto&& work) { with_memory_advice(batch, c10::Device(c10::kCPU), work); };
  constexpr int64_t too_much = int64_t{1} << 52;
  CHECK_THROWS(Error, "memory ran out on cpu at a batch size of 64; use a batch size of 32 or less",
               run(64, [] { at::empty({too_much}); }));
  // As libtorch does where the allocator is its own.
  CHECK_THROWS(Error, "you tried to allocate 4503599627370496 bytes",
               run(64, [] { c10::free_cpu(c10::alloc_cpu(too_much)); }));
  CHECK_THROWS(Error, "; use a batch size of 32 or less", run(64, [] { c10::free_cpu(c10::alloc_cpu(too_much)); }));
  CHECK_THROWS(Error, "at a batch size of 1; use a smaller network", run(1, [] { throw std::bad_alloc(); }));
  CHECK_THROWS(std::logic_error, "as it was", run(1, [] { throw std::logic_error("as it was"); }));
  CHECK_THROWS(c10::Error, "another fault", run(1, [] { TORCH_CHECK(false, "another fault"); }));
}

}  // namespace finepune::test
