// Session: what every slice over samples begins with.
#include <cmath>

#include "ops/error.h"
#include "train/batch_loader.h"
#include "train/device_batches.h"
#include "train/session.h"

namespace finepune {

namespace {

constexpr int64_t largest_batch = 1 << 16;

}  // namespace

void Session::check_samples(const SampleList& samples, int64_t batch_size) const {
  if (samples.images < 0 || samples.images >= static_cast<int64_t>(images_.size())) {
    throw Error("E_USAGE", "expected the number of an attached image file for samples.images but received " +
                               std::to_string(samples.images));
  }
  if (samples.records.empty() || samples.records.size() != samples.labels.size()) {
    throw Error("E_USAGE", "expected as many labels as records, at least one, but received " +
                               std::to_string(samples.records.size()) + " records and " +
                               std::to_string(samples.labels.size()) + " labels");
  }
  if (samples.records.size() >= (uint64_t{1} << 32)) throw Error("E_USAGE", "expected fewer than 2^32 samples");
  if (batch_size < 1 || batch_size > largest_batch) {
    throw Error("E_USAGE", "expected 1 to 65536 for batchSize but received " + std::to_string(batch_size));
  }
  const int64_t records = images_[static_cast<size_t>(samples.images)].file->records();
  const int64_t classes = network_->graph().classes;
  for (size_t i = 0; i < samples.records.size(); ++i) {
    if (samples.records[i] >= records) {
      throw Error("E_USAGE", "expected record numbers below " + std::to_string(records) + " but sample " +
                                 std::to_string(i) + " has " + std::to_string(samples.records[i]));
    }
    if (samples.labels[i] < 0 || samples.labels[i] >= classes) {
      throw Error("E_USAGE", "expected labels from 0 to " + std::to_string(classes - 1) + " but sample " +
                                 std::to_string(i) + " has " + std::to_string(samples.labels[i]));
    }
  }
}

void Session::check_slice(const TrainSlice& slice) const {
  check_samples(slice.samples, slice.batch_size);
  const auto expect = [](bool good, const std::string& what) {
    if (!good) throw Error("E_USAGE", "expected " + what);
  };
  const auto finite = [](double value) { return std::isfinite(value) && value >= 0; };
  expect(slice.first_step >= 0 && slice.first_step < largest_step - static_cast<int64_t>(slice.learning_rates.size()),
         "steps of 0 or more, below 2^40");
  for (size_t i = 0; i < slice.learning_rates.size(); ++i) {
    expect(finite(slice.learning_rates[i]),
           "finite learning rates of 0 or more; number " + std::to_string(i) + " is not");
  }
  expect(finite(slice.momentum) && slice.momentum < 1, "0 <= momentum < 1");
  expect(finite(slice.weight_decay), "a finite weightDecay of 0 or more");
  expect(finite(slice.label_smoothing) && slice.label_smoothing < 1, "0 <= labelSmoothing < 1");
  expect(finite(slice.clip_norm), "a finite clipNorm of 0 or more");
  const Augmentation& augmentation = slice.augmentation;
  expect(augmentation.area_range[0] > 0 && augmentation.area_range[0] <= augmentation.area_range[1] &&
             augmentation.area_range[1] <= 1,
         "0 < areaRange[0] <= areaRange[1] <= 1");
  expect(augmentation.aspect_range[0] > 0 && augmentation.aspect_range[0] <= augmentation.aspect_range[1] &&
             std::isfinite(augmentation.aspect_range[1]),
         "0 < aspectRange[0] <= aspectRange[1]");
  if (slice.surgery) {
    expect(finite(slice.surgery->gamma) && finite(slice.surgery->power), "finite surgery gamma and power of 0 or more");
  }
  if (store_->has_candidate()) {
    throw Error("E_USAGE", "training cannot run under a candidate; end it with setCandidate(null) first");
  }
}

BatchSettings Session::batch_settings(const SampleList& samples, int64_t batches, int64_t batch_size) const {
  const GraphInput& input = network_->graph().input;
  return {.file = images_[static_cast<size_t>(samples.images)].file,
          .channels = channel_map_,
          .output = {input.height, input.width},
          .batches = batches,
          .batch_size = batch_size,
          .threads = loader_threads(options_.threads)};
}

const BatchMemory& Session::training_memory(int64_t batch_size) {
  if (device_.is_cpu()) return training_memory_;
  const at::Tensor& held = training_memory_.images;
  if (!held.defined() || held.size(0) != batch_size) {
    const GraphInput& input = network_->graph().input;
    training_memory_ = {};
    training_memory_ = empty_batch(device_, channel_map_.channels, {input.height, input.width}, batch_size);
  }
  return training_memory_;
}

std::unique_ptr<BatchSource> Session::make_batches(int64_t images, BatchSettings settings, BatchPlan plan) {
  if (device_.is_cpu()) return std::make_unique<BatchLoader>(std::move(settings), std::move(plan));
  return std::make_unique<DeviceBatches>(std::move(settings), std::move(plan), device_,
                                         images_[static_cast<size_t>(images)].device.all());
}

}  // namespace finepune
