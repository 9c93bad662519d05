// Independent pieces of work on a few threads that live as long as the call.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "threads/leave_core.h"
#include "threads/start_threads.h"

namespace finepune {

// work(i, scratch) for every i below `count`, on up to `threads` threads, the caller's among them, each with a scratch of
// its own. Rethrows what a piece threw, after all threads have ended; pieces not yet begun are then left out.
template <typename Scratch, typename Work>
void parallel_pieces_with(size_t count, unsigned threads, const Work& work) {
  std::atomic<size_t> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  const auto run = [&] {
    Scratch scratch;
    for (size_t i = next++; i < count; i = next++) {
      try {
        work(i, scratch);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
        next = count;
      }
    }
  };
  {
    std::vector<std::jthread> others;
    const size_t wanted = std::min<size_t>(std::max(threads, 1u), count);
    start_threads(others, wanted - std::min<size_t>(wanted, 1), [&run](size_t) {
      return std::jthread([&run, core = current_core()] {
        leave_core(core);
        run();
      });
    });
    run();
  }
  if (failure) std::rethrow_exception(failure);
}

// The same where pieces need no scratch.
template <typename Work>
void parallel_pieces(size_t count, unsigned threads, const Work& work) {
  struct Nothing {};
  parallel_pieces_with<Nothing>(count, threads, [&work](size_t i, Nothing&) { work(i); });
}

}  // namespace finepune
