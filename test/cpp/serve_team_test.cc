// Sharing out pieces of work: each is done once, whatever goes wrong.
#include "serve/team.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
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

TEST("serve: what an item throws leaves the team once all are out, and the team goes on") {
  Team team(3);
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> inside{0};
    bool thrown = false;
    const auto work = [&](int64_t item, int64_t worker) {
      ++inside;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      --inside;
      // Even rounds on any thread, odd ones on a helper.
      if (item >= 4 && (round % 2 == 0 || worker != 0)) throw std::runtime_error("item " + std::to_string(item));
    };
    const Team::Awake awake(team);
    try {
      // So many that a helper comes in, on the busiest of machines.
      team.run(team.threads(), 0, 2000, work);
    } catch (const std::runtime_error& error) {
      thrown = std::string(error.what()).starts_with("item ");
    }
    CHECK(thrown);
    CHECK_EQUAL(inside.load(), 0);
    check_every_item_once(team, 100);
  }
}

TEST("serve: an item that finds no memory fails alone where the caller works alone, too") {
  Team team(1);
  CHECK_THROWS(std::bad_alloc, "", team.run(1, 0, 3, [](int64_t, int64_t) { throw std::bad_alloc(); }));
  check_every_item_once(team, 3);
}
