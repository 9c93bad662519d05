// Session: the slices that run over samples.
#include <algorithm>
#include <chrono>
#include <cmath>

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include "ops/error.h"
#include "train/random.h"
#include "train/sample_order.h"
#include "train/scores.h"
#include "train/session.h"

namespace finepune {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// Steps and positions stay exact in every type they pass through, JavaScript's numbers among them.
constexpr int64_t largest_step = int64_t{1} << 40;
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
  const int64_t records = images_[static_cast<size_t>(samples.images)]->records();
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
  expect(slice.first_step >= 0 && slice.first_step + static_cast<int64_t>(slice.learning_rates.size()) < largest_step,
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

BatchLoader::Settings Session::loader_settings(const SampleList& samples, int64_t batches, int64_t batch_size) const {
  const GraphInput& input = network_->graph().input;
  return {.file = images_[static_cast<size_t>(samples.images)],
          .channels = channel_map_,
          .output = {input.height, input.width},
          .batches = batches,
          .batch_size = batch_size,
          .threads = loader_threads(options_.threads)};
}

TrainResult Session::train(const TrainSlice& slice) {
  check_slice(slice);
  store_->set_factors(slice.learning_rate_factors);
  store_->release_gradients();
  const auto begin = Clock::now();
  const auto steps = static_cast<int64_t>(slice.learning_rates.size());
  const SampleList& samples = slice.samples;
  BatchLoader::Settings settings = loader_settings(samples, steps, slice.batch_size);
  const ImageSize image{settings.file->height(), settings.file->width()};
  const ImageSize output = settings.output;
  // `order` is each thread's own: the function is copied for it.
  BatchPlan plan = [&samples, &slice, image, output, seed = options_.seed,
                    order = SampleOrder(options_.seed, static_cast<int64_t>(samples.records.size()))](
                       int64_t batch, std::vector<BatchItem>& items) mutable {
    const int64_t first = (slice.first_step + batch) * slice.batch_size;
    for (int64_t position = first; position < first + slice.batch_size; ++position) {
      const uint32_t sample = order.sample(position);
      Random random(seed, Purpose::augmentation, static_cast<uint64_t>(position));
      items.push_back({samples.records[sample], samples.labels[sample],
                       draw_crop(image, output, slice.augmentation, random)});
    }
  };

  TrainResult result;
  double loss_sum = 0;
  int64_t right = 0;
  if (steps > 0 && !stop_) {
    BatchLoader loader(std::move(settings), std::move(plan));
    for (int64_t i = 0; i < steps && !stop_; ++i) {
      const int64_t step = slice.first_step + i;
      const Batch& batch = loader.next();
      Network::Mode mode;
      mode.train = true;
      mode.dropout = slice.dropout;
      mode.dropout_seed = Random(options_.seed, Purpose::dropout, static_cast<uint64_t>(step)).next64();
      {
        const at::Tensor output_logits = logits(batch.images, mode);
        const at::Tensor loss = at::cross_entropy_loss(output_logits, batch.labels, {}, at::Reduction::Mean, -100,
                                                       slice.label_smoothing);
        const double value = loss.item<double>();
        if (!std::isfinite(value)) {
          throw Error("E_NUMERICS", "the loss is not finite at step " + std::to_string(step) +
                                        "; lower the learning rate, or set clipNorm");
        }
        // Not so where every node is frozen: then there is nothing to learn.
        if (loss.requires_grad()) loss.backward();
        loss_sum += value * static_cast<double>(batch.items.size());
        right += count_right(output_logits.detach(), batch.items);
      }
      StepSettings settings_of_step;
      settings_of_step.step = step;
      settings_of_step.learning_rate = slice.learning_rates[static_cast<size_t>(i)];
      settings_of_step.momentum = slice.momentum;
      settings_of_step.weight_decay = slice.weight_decay;
      settings_of_step.clip_norm = slice.clip_norm;
      settings_of_step.seed = options_.seed;
      settings_of_step.surgery = slice.surgery ? &*slice.surgery : nullptr;
      result.refreshes += store_->step(settings_of_step);
      ++result.steps;
      result.images += static_cast<int64_t>(batch.items.size());
    }
    result.seconds_waiting = loader.seconds_waiting();
  }
  const double images = static_cast<double>(std::max<int64_t>(1, result.images));
  result.loss = loss_sum / images;
  result.accuracy = static_cast<double>(right) / images;
  result.seconds = seconds_since(begin);
  return result;
}

EvaluateResult Session::evaluate(const SampleList& samples, int64_t batch_size) {
  check_samples(samples, batch_size);
  const at::NoGradGuard guard;
  const auto begin = Clock::now();
  const auto count = static_cast<int64_t>(samples.records.size());
  const int64_t batches = (count + batch_size - 1) / batch_size;
  BatchLoader::Settings settings = loader_settings(samples, batches, std::min(batch_size, count));
  const Crop crop = center_crop({settings.file->height(), settings.file->width()}, settings.output);
  BatchPlan plan = [&samples, count, batch_size, crop](int64_t batch, std::vector<BatchItem>& items) {
    const int64_t last = std::min(count, (batch + 1) * batch_size);
    for (int64_t i = batch * batch_size; i < last; ++i) {
      items.push_back({samples.records[static_cast<size_t>(i)], samples.labels[static_cast<size_t>(i)], crop});
    }
  };
  EvaluateResult result;
  Scores scores;
  BatchLoader loader(std::move(settings), std::move(plan));
  for (int64_t i = 0; i < batches && !stop_; ++i) {
    const Batch& batch = loader.next();
    add_scores(logits(batch.images, {}), batch.items, scores);
    if (!std::isfinite(scores.loss)) {
      throw Error("E_NUMERICS", "the network's outputs are not finite in batch " + std::to_string(i) +
                                    " of the evaluation; its weights are damaged");
    }
  }
  result.images = static_cast<int64_t>(scores.predicted.size());
  const double images = static_cast<double>(std::max<int64_t>(1, result.images));
  result.top1 = static_cast<double>(scores.top1) / images;
  result.top5 = static_cast<double>(scores.top5) / images;
  result.loss = scores.loss / images;
  result.predicted = std::move(scores.predicted);
  result.seconds = seconds_since(begin);
  return result;
}

void Session::refresh_batch_norm(const SampleList& samples, int64_t batch_size, int64_t batches, int64_t step) {
  check_samples(samples, batch_size);
  if (batches < 1 || batches > largest_step || step < 0 || step > largest_step) {
    throw Error("E_USAGE", "expected 1 or more batches and a step of 0 or more");
  }
  const std::vector<Parameter>& parameters = network_->parameters();
  if (std::none_of(parameters.begin(), parameters.end(), [](const Parameter& p) { return p.kind == "running_mean"; })) {
    return;
  }
  const at::NoGradGuard guard;
  BatchLoader::Settings settings = loader_settings(samples, batches, batch_size);
  const Crop crop = center_crop({settings.file->height(), settings.file->width()}, settings.output);
  BatchPlan plan = [&samples, batch_size, step, crop,
                    order = SampleOrder(options_.seed, static_cast<int64_t>(samples.records.size()))](
                       int64_t batch, std::vector<BatchItem>& items) mutable {
    const int64_t first = (step + batch) * batch_size;
    for (int64_t position = first; position < first + batch_size; ++position) {
      const uint32_t sample = order.sample(position);
      items.push_back({samples.records[sample], samples.labels[sample], crop});
    }
  };
  BatchLoader loader(std::move(settings), std::move(plan));
  network_->begin_statistics();
  Network::Mode mode;
  mode.collect_statistics = true;
  for (int64_t i = 0; i < batches && !stop_; ++i) logits(loader.next().images, mode);
}

}  // namespace finepune
