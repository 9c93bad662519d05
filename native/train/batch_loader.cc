#include "train/batch_loader.h"

#include <algorithm>
#include <chrono>

#include <ATen/Functions.h>

#include "ops/error.h"
#include "ops/write_crop.h"
#include "threads/start_threads.h"

namespace finepune {

int loader_threads(int compute_threads) { return std::clamp(compute_threads / 4, 1, 8); }

BatchLoader::BatchLoader(BatchSettings settings, BatchPlan plan) : settings_(std::move(settings)) {
  const int64_t threads = std::min<int64_t>(std::max(1, settings_.threads), std::max<int64_t>(1, settings_.batches));
  const int64_t depth = std::min(threads + 2, std::max<int64_t>(1, settings_.batches));
  slots_.resize(static_cast<size_t>(depth));
  for (Slot& slot : slots_) {
    slot.images = at::empty({settings_.batch_size, settings_.channels.channels, settings_.output.height,
                             settings_.output.width},
                            at::TensorOptions().dtype(at::kFloat).memory_format(at::MemoryFormat::ChannelsLast));
    slot.labels = at::empty({settings_.batch_size}, at::kLong);
  }
  start_threads(threads_, static_cast<size_t>(threads),
                [&](size_t) { return std::thread([this, plan] { work(plan); }); });
  if (threads_.empty()) {
    throw Error("E_OOM",
                "the system begins no more threads; dispose of sessions, or raise the limit of processes or memory");
  }
}

BatchLoader::~BatchLoader() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

const Batch& BatchLoader::next() {
  std::unique_lock lock(mutex_);
  const auto depth = static_cast<int64_t>(slots_.size());
  if (given_ > 0) slots_[static_cast<size_t>((given_ - 1) % depth)].ready = false;
  const int64_t number = given_++;
  Slot& slot = slots_[static_cast<size_t>(number % depth)];
  // A thread may be waiting for the slot just given back.
  changed_.notify_all();
  if (!slot.ready && !failure_) {
    const auto begin = std::chrono::steady_clock::now();
    changed_.wait(lock, [&] { return slot.ready || failure_; });
    seconds_waiting_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  if (failure_) std::rethrow_exception(failure_);
  return slot.batch;
}

void BatchLoader::work(BatchPlan plan) {
  const auto depth = static_cast<int64_t>(slots_.size());
  std::unique_lock lock(mutex_);
  while (true) {
    // Batch i uses slot i % depth, free once batch i - depth has been given and given back by the call after it.
    changed_.wait(lock, [&] { return stop_ || started_ == settings_.batches || started_ < depth || started_ - depth < given_ - 1; });
    if (stop_ || started_ == settings_.batches) return;
    const int64_t number = started_++;
    Slot& slot = slots_[static_cast<size_t>(number % depth)];
    lock.unlock();
    std::exception_ptr failure;
    try {
      slot.batch.items.clear();
      plan(number, slot.batch.items);
      fill(slot);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    if (failure) {
      failure_ = failure;
      stop_ = true;
    }
    slot.ready = true;
    changed_.notify_all();
  }
}

void BatchLoader::fill(Slot& slot) const {
  const auto count = static_cast<int64_t>(slot.batch.items.size());
  const ImageSize image{settings_.file->height(), settings_.file->width()};
  const int64_t entries = settings_.channels.channels * settings_.output.height * settings_.output.width;
  float* destination = slot.images.data_ptr<float>();
  int64_t* labels = slot.labels.data_ptr<int64_t>();
  for (int64_t i = 0; i < count; ++i) {
    const BatchItem& item = slot.batch.items[static_cast<size_t>(i)];
    write_crop(settings_.file->record(item.record), image, item.crop, settings_.channels, settings_.output,
               destination + i * entries);
    labels[i] = item.label;
  }
  slot.batch.images = slot.images.narrow(0, 0, count);
  slot.batch.labels = slot.labels.narrow(0, 0, count);
}

}  // namespace finepune
