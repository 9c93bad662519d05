#include "sparse/parallel.h"

#include <atomic>
#include <vector>

#include "check.h"
#include "no_more_threads.h"

namespace finepune::test {

TEST("pieces of work are all done where the system begins no more threads") {
  const NoMoreThreads limit;
  std::vector<std::atomic<int>> times(2000);
  parallel_pieces(times.size(), 2000, [&](size_t i) { ++times[i]; });
  for (const std::atomic<int>& each : times) CHECK_EQUAL(each.load(), 1);
}

}  // namespace finepune::test
