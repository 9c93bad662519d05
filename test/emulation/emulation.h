// Runs CUDA kernels on the CPU, for tests where there is no GPU: blocks one after another, the threads of a block as
// fibers that take turns at barriers. It is strict where a GPU forgives: what no guarantee of CUDA orders comes in an order
// that tests choose, and shared memory begins as NaN.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <source_location>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include <cuda_runtime_api.h>

namespace finepune::emulation {

constexpr int kLanes = 32;
// Every byte of memory that nobody has written: floats are NaN, integers -1.
constexpr int kPoison = 0xff;
// Dynamic shared memory of a launch: without asking for more, and at most (compute capability 8.6 has the least of those
// with tensor_float32).
constexpr size_t kSharedBytes = 48 * 1024;
constexpr size_t kMostSharedBytes = 99 * 1024;
// What the device says it has; tests may change the second.
constexpr int kMultiprocessors = 8;
inline int compute_capability_major = 8;

// The <<<...>>> of a launch.
struct Configuration {
  Configuration(dim3 grid, dim3 block, size_t bytes = 0, cudaStream_t = nullptr)
      : blocks(grid), threads(block), shared_bytes(bytes) {}
  dim3 blocks, threads;
  size_t shared_bytes;
};

// What a launch leaves open: which blocks and threads come first, and whether copies to shared memory arrive when they
// begin or when somebody waits for them. A kernel's results may depend on neither.
struct Schedule {
  bool descending = false;
  bool early_copies = false;
};

// Of the launches to come.
void set_schedule(const Schedule& schedule);

// Calls body() once with each schedule set.
template <typename Body>
void for_each_schedule(const Body& body) {
  for (const bool descending : {true, false}) {
    for (const bool early_copies : {true, false}) {
      set_schedule({descending, early_copies});
      body();
    }
  }
  set_schedule({});
}

// Runs `thread` once for each thread of the launch. Where a GPU would refuse the launch, cudaGetLastError says so. Throws
// std::logic_error where threads wait for each other forever, or misuse what is declared here.
void run(const Configuration& configuration, const void* kernel, const std::function<void()>& thread);

// launch(configuration, kernel)(arguments...) for kernel<<<configuration>>>(arguments...).
template <typename... Parameters>
auto launch(const Configuration& configuration, void (*kernel)(Parameters...)) {
  return [configuration, kernel](auto&&... arguments) {
    const std::tuple<std::remove_cv_t<Parameters>...> copies(std::forward<decltype(arguments)>(arguments)...);
    run(configuration, reinterpret_cast<const void*>(kernel), [&] { std::apply(kernel, copies); });
  };
}

// What follows is for kernels, which come to it by way of include/.

// Ends the launch: run() throws `message`.
void fail(const std::string& message);

// The running thread's place in its warp.
int lane();

// Waits for all threads of the block that have not returned, which must come to the same place of the source.
void meet_block(const std::source_location& site);

// Waits for the lanes of `mask` that have not returned, with the same mask at the same place; the last one calls
// finish(lanes), where lanes[i] is lane i's `own`, or null where it takes no part.
void meet_warp(uint32_t mask, void* own, void (*finish)(void* const* lanes), const std::source_location& site);

// The launch's dynamic shared memory.
void* shared_memory();

// Fills a block's shared variable with NaN when the first thread comes to its declaration.
void begin_shared(void* variable, size_t bytes);

// cp.async of 16 bytes, zeros where `from` is null; its groups.
void begin_copy(void* shared, const void* from);
void end_copy_group();
void wait_for_copies(int groups);

}  // namespace finepune::emulation
