// Batches made ahead of their use, on threads of their own.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <ATen/core/Tensor.h>

#include "train/crop.h"
#include "train/image_file.h"

namespace finepune {

// What one image of a batch is made of.
struct BatchItem {
  uint32_t record = 0;
  int32_t label = 0;
  Crop crop;
};

// Fills `items` for batch number `batch`. Called by loader threads, each with its own copy of the function, so that it
// may keep state; what it gives must depend on `batch` alone.
using BatchPlan = std::function<void(int64_t batch, std::vector<BatchItem>& items)>;

struct Batch {
  // [N, C, H, W] float32 in channels_last memory.
  at::Tensor images;
  // [N] int64.
  at::Tensor labels;
  // Of these, in order.
  std::vector<BatchItem> items;
};

class BatchLoader {
 public:
  struct Settings {
    std::shared_ptr<const ImageFile> file;
    ChannelMap channels;
    ImageSize output;
    int64_t batches = 0;
    // Largest number of images a batch has.
    int64_t batch_size = 0;
    int threads = 1;
  };

  // Starts making batches 0, 1, ..., two more than there are threads at most ahead. Fewer threads where the
  // system begins no more; throws Error("E_OOM") where it begins none.
  BatchLoader(Settings settings, BatchPlan plan);
  // Stops the threads, whatever they have begun.
  ~BatchLoader();
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;

  // The next batch in order; valid until the next call, which gives its memory back to the threads.
  // Rethrows what a loader thread threw. Not to be called more than `batches` times.
  const Batch& next();

  // Seconds next() has waited so far.
  double seconds_waiting() const { return seconds_waiting_; }

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

  Settings settings_;
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
