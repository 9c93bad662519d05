// Threads that help, as many as there may be.
#pragma once

#include <cstddef>
#include <new>
#include <system_error>
#include <vector>

namespace finepune {

// Adds start(i) for every i below `count` to `threads`; fewer where the system begins no more (a limit of processes or
// of memory): work that is shared out gets done by those there are.
template <typename Thread, typename Start>
void start_threads(std::vector<Thread>& threads, size_t count, const Start& start) {
  try {
    // A thread that is begun but finds no place would end the process.
    threads.reserve(threads.size() + count);
    for (size_t i = 0; i < count; ++i) threads.push_back(start(i));
  } catch (const std::system_error&) {
  } catch (const std::bad_alloc&) {
  }
}

}  // namespace finepune
