// Threads that share out the pieces of one network's steps.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace finepune::serve {

// A caller and threads - 1 helpers. Steps are microseconds apart, too short for a thread to sleep and wake: helpers
// spin while the team is awake, and sleep otherwise. A helper that the system has not scheduled is not waited for.
class Team {
 public:
  // Fewer threads where the system begins no more.
  explicit Team(int64_t threads);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int64_t threads() const { return static_cast<int64_t>(helpers_.size()) + 1; }

  // Keeps the helpers awake as long as it lives.
  class Awake {
   public:
    explicit Awake(Team& team) : team_(team) { team_.wake(); }
    ~Awake() { team_.awake_.store(false, std::memory_order_relaxed); }
    Awake(const Awake&) = delete;
    Awake& operator=(const Awake&) = delete;

   private:
    Team& team_;
  };

  // work(item, worker) for every item below `count`, the next to whoever is free; with one thread on the caller alone.
  // Workers are numbered from `first_worker`, the caller's number, on. `work` must not use more than one thread itself
  // where this does. Its first exception is rethrown once nobody works any more; items not begun are left out.
  template <typename Work>
  void run(int64_t threads, int64_t first_worker, int64_t count, const Work& work) {
    if (threads <= 1 || count <= 1 || helpers_.empty()) {
      for (int64_t item = 0; item < count; ++item) work(item, first_worker);
      return;
    }
    share([](const void* context, int64_t item, int64_t worker) { (*static_cast<const Work*>(context))(item, worker); },
          &work, first_worker, count);
  }

 private:
  using Piece = void (*)(const void* context, int64_t item, int64_t worker);

  void wake();
  void share(Piece piece, const void* context, int64_t first_worker, int64_t count);
  void take_items(int64_t worker);
  void help(int64_t number);

  // The work at hand; changed only while the gate is closed and nobody is inside.
  Piece piece_ = nullptr;
  const void* context_ = nullptr;
  int64_t first_worker_ = 0, count_ = 0;
  std::atomic<int64_t> next_{0};
  // Bit 0: open; bits 1 to 15: helpers that came in; the rest: number of the work at hand.
  std::atomic<uint64_t> gate_{0};
  std::atomic<uint64_t> gone_{0};
  std::atomic<bool> awake_{false}, stopped_{false};
  // Of the work at hand; guarded by the mutex until all are out.
  std::exception_ptr failure_;
  // The core that the caller was last seen on.
  std::atomic<int> caller_core_{-1};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::thread> helpers_;
};

}  // namespace finepune::serve
