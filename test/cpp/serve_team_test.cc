// Sharing out pieces of work: each is done once.
#include "serve/team.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "check.h"
#include "no_more_threads.h"

using namespace finepune;
using namespace finepune::test;
using serve::Team;

namespace {

void check_every_item_once(Team& team, int64_t count) {
  std::vector<std::atomic<int>> times(static_cast<size_t>(count));
  const Team::Awake awake(team);
  team.run(team.threads(), 0, count, [&](int64_t item, int64_t) { ++times[item]; });
  for (const std::atomic<int>& each : times) CHECK_EQUAL(each.load(), 1);
}

}  // namespace

TEST("serve: a team does every item once") {
  for (const int64_t threads : {0, 1, 2, 5}) {
    Team team(threads);
    CHECK_EQUAL(team.threads(), std::max<int64_t>(threads, 1));
    for (const int64_t count : {0, 1, 2, 1000}) check_every_item_once(team, count);
  }
}

TEST("serve: a team is smaller where the system begins no more threads") {
  const NoMoreThreads limit;
  Team team(2000);
  CHECK(team.threads() < 2000);
  check_every_item_once(team, 1000);
}
