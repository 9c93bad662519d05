#include "serve/team.h"

#include <algorithm>
#include <utility>

#include <immintrin.h>

#include "threads/leave_core.h"
#include "threads/most_threads.h"
#include "threads/start_threads.h"

namespace finepune::serve {

namespace {

constexpr uint64_t kOpen = 1, kOneHelper = 2, kOneWork = uint64_t{1} << 16;
// Pauses between two offers of the core to somebody else, some 50 microseconds: longer than most waits for the end of a
// piece of work, because a core that is given away on a busy machine comes back milliseconds later.
constexpr int kPauses = 2048;

void pause(int& count) {
  if (++count % kPauses == 0) {
    std::this_thread::yield();
    return;
  }
  _mm_pause();
}

uint64_t helpers_inside(uint64_t gate) { return gate % kOneWork / kOneHelper; }

}  // namespace

Team::Team(int64_t threads) {
  const int64_t helpers = std::clamp<int64_t>(threads, 1, kMostThreads) - 1;
  start_threads(helpers_, static_cast<size_t>(helpers), [this](size_t i) {
    return std::thread([this, number = static_cast<int64_t>(i) + 1] { help(number); });
  });
}

Team::~Team() {
  {
    const std::lock_guard lock(mutex_);
    stopped_.store(true);
  }
  changed_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
}

void Team::wake() {
  if (helpers_.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    caller_core_.store(current_core(), std::memory_order_relaxed);
    awake_.store(true);
  }
  changed_.notify_all();
}

void Team::share(Piece piece, const void* context, int64_t first_worker, int64_t count) {
  piece_ = piece;
  context_ = context;
  first_worker_ = first_worker;
  count_ = count;
  next_.store(0, std::memory_order_relaxed);
  gone_.store(0, std::memory_order_relaxed);
  const uint64_t work = gate_.load(std::memory_order_relaxed) / kOneWork + 1;
  caller_core_.store(current_core(), std::memory_order_relaxed);
  gate_.store(work * kOneWork + kOpen, std::memory_order_release);
  take_items(first_worker);
  // Whoever has not come in by now is too late; the others are on their last piece.
  const uint64_t inside = helpers_inside(gate_.fetch_and(~kOpen, std::memory_order_acq_rel));
  for (int pauses = 0; gone_.load(std::memory_order_acquire) != inside;) pause(pauses);
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void Team::take_items(int64_t worker) {
  try {
    for (int64_t item = next_.fetch_add(1, std::memory_order_relaxed); item < count_;
         item = next_.fetch_add(1, std::memory_order_relaxed)) {
      piece_(context_, item, worker);
    }
  } catch (...) {
    // Not out of here: a helper would end the process, and the caller leave a frame that helpers still use.
    next_.store(count_, std::memory_order_relaxed);
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::current_exception();
  }
}

// On a busy machine the system wakes a thread on the core of the one that woke it, and leaves both there: they would
// take turns. Two changes of the set of cores allowed, the second back to what it was, move the helper and bind it to
// nothing.
void Team::help(int64_t number) {
  uint64_t done = 0;
  int pauses = 0, idle = 0;
  while (!stopped_.load(std::memory_order_relaxed)) {
    uint64_t gate = gate_.load(std::memory_order_acquire);
    if ((gate & kOpen) != 0 && gate / kOneWork != done) {
      if (!gate_.compare_exchange_weak(gate, gate + kOneHelper, std::memory_order_acq_rel)) continue;
      done = gate / kOneWork;
      leave_core(caller_core_.load(std::memory_order_relaxed));
      take_items(first_worker_ + number);
      gone_.fetch_add(1, std::memory_order_release);
      pauses = 0;
      continue;
    }
    if (awake_.load(std::memory_order_relaxed)) {
      idle = 0;
      pause(pauses);
      continue;
    }
    // The next image often comes at once: falling asleep and being woken would cost more than it takes to compute.
    if (++idle < kPauses) {
      pause(pauses);
      continue;
    }
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return awake_.load() || stopped_.load(); });
    lock.unlock();
    leave_core(caller_core_.load(std::memory_order_relaxed));
  }
}

}  // namespace finepune::serve
