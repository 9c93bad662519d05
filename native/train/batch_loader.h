// Batches made ahead of their use, on threads of their own.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include <ATen/core/Tensor.h>

#include "train/batches.h"

namespace finepune {

// For networks on the CPU.
class BatchLoader final : public BatchSource {
 public:
  // Starts making batches 0, 1, ..., two more than there are threads at most ahead. Fewer threads where the
  // system begins no more; throws Error("E_OOM") where it begins none.
  BatchLoader(BatchSettings settings, BatchPlan plan);
  // Stops the threads, whatever they have begun.
  ~BatchLoader() override;

  // Gives the memory of the batch before back to the threads. Rethrows what a loader thread threw.
  const Batch& next() override;

  double seconds_waiting() const override { return seconds_waiting_; }

 private:
  struct Slot {
    Batch batch;
    // Memory for the largest batch; batch.images is its head.
    at::Tensor images;
    at::Tensor labels;
    bool ready = false;
  };

  void work(BatchPlan plan);
  void fill(Slot& slot) const;

  BatchSettings settings_;
  std::vector<Slot> slots_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Batches handed to threads, and given out by next().
  int64_t started_ = 0;
  int64_t given_ = 0;
  bool stop_ = false;
  std::exception_ptr failure_;
  double seconds_waiting_ = 0;
  std::vector<std::thread> threads_;
};

// Loader threads beside `compute_threads`: few, since they take their time from the same cores.
int loader_threads(int compute_threads);

}  // namespace finepune
