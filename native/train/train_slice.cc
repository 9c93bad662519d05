// Session: a slice of training.
#include <algorithm>
#include <cmath>

#include <ATen/Functions.h>

#include "ops/cross_entropy.h"
#include "ops/memory_advice.h"
#include "train/crop.h"
#include "train/random.h"
#include "train/sample_order.h"
#include "train/session.h"
#include "train/stopwatch.h"

namespace finepune {

namespace {

StepSettings settings_of_step(const TrainSlice& slice, int64_t index, uint64_t seed) {
  StepSettings settings;
  settings.step = slice.first_step + index;
  settings.learning_rate = slice.learning_rates[static_cast<size_t>(index)];
  settings.momentum = slice.momentum;
  settings.weight_decay = slice.weight_decay;
  settings.clip_norm = slice.clip_norm;
  settings.seed = seed;
  settings.surgery = slice.surgery ? &*slice.surgery : nullptr;
  return settings;
}

}  // namespace

TrainResult Session::train(const TrainSlice& slice) {
  check_slice(slice);
  store_->set_factors(slice.learning_rate_factors);
  store_->release_gradients();
  const ProductPrecision precision = product_precision();
  return with_memory_advice(slice.batch_size, device_, [&] { return run_steps(slice); });
}

TrainResult Session::run_steps(const TrainSlice& slice) {
  const Stopwatch stopwatch;
  const auto steps = static_cast<int64_t>(slice.learning_rates.size());
  const SampleList& samples = slice.samples;
  BatchSettings settings = batch_settings(samples, steps, slice.batch_size);
  settings.memory = training_memory(slice.batch_size);
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
  TrainTotals totals(device_, slice.first_step, steps);
  store_->begin_steps();
  try {
    if (steps > 0 && !stop_) {
      const std::unique_ptr<BatchSource> source = make_batches(samples.images, std::move(settings), std::move(plan));
      for (int64_t i = 0; i < steps && !stop_; ++i) {
        const Batch& batch = source->next();
        const Learned learned = learn(slice, slice.first_step + i, batch);
        totals.add(learned.loss, learned.logits, batch);
        StepSettings step = settings_of_step(slice, i, options_.seed);
        step.gradient_scale = learned.gradient_scale;
        result.refreshes += store_->step(step, totals.proceed());
      }
      result.seconds_waiting = source->seconds_waiting();
    }
    totals.finish();
  } catch (...) {
    store_->drop_step();
    store_->end_steps();
    throw;
  }
  store_->end_steps();
  result.steps = totals.steps();
  result.images = totals.images();
  const double images = static_cast<double>(std::max<int64_t>(1, result.images));
  result.loss = totals.loss_sum() / images;
  result.accuracy = static_cast<double>(totals.right()) / images;
  result.seconds = stopwatch.seconds();
  return result;
}

Learned Session::learn(const TrainSlice& slice, int64_t step, const Batch& batch) {
  Network::Mode mode;
  mode.train = true;
  mode.dropout = slice.dropout;
  mode.dropout_seed = Random(options_.seed, Purpose::dropout, static_cast<uint64_t>(step)).next64();
  if (device_.is_cpu()) return compute_gradients(slice, batch, mode);
  if (!dropout_seed_.defined()) dropout_seed_ = at::empty({1}, at::TensorOptions().dtype(at::kLong).device(device_));
  dropout_seed_.fill_(static_cast<int64_t>(mode.dropout_seed));
  mode.device_dropout_seed = dropout_seed_;
  StepKind kind{.batch_size = slice.batch_size,
                .dropout = slice.dropout,
                .label_smoothing = slice.label_smoothing,
                .clip_norm = slice.clip_norm};
  kind.places = {batch.images.const_data_ptr(), batch.labels.const_data_ptr()};
  for (const Parameter& parameter : network_->parameters()) {
    kind.places.push_back(parameter.value.const_data_ptr());
    kind.learning.push_back(parameter.value.requires_grad());
  }
  if (!step_graph_) step_graph_ = std::make_unique<StepGraph>(*network_);
  return step_graph_->run(std::move(kind), [&] { return compute_gradients(slice, batch, mode); });
}

Learned Session::compute_gradients(const TrainSlice& slice, const Batch& batch, const Network::Mode& mode) {
  const at::Tensor output = logits(batch.images, mode);
  if (device_.is_cuda()) return compute_gradients_on_gpu(slice, batch, output);
  const at::Tensor loss =
      at::cross_entropy_loss(output, batch.labels, {}, at::Reduction::Mean, -100, slice.label_smoothing);
  Learned learned{loss.detach(), output.detach(), {}};
  // A step whose loss is not finite stops here, before anything is learned from it.
  if (!std::isfinite(learned.loss.item<double>())) return learned;
  // Not so where every node is frozen: then there is nothing to learn.
  if (loss.requires_grad()) loss.backward();
  return learned;
}

Learned Session::compute_gradients_on_gpu(const TrainSlice& slice, const Batch& batch, const at::Tensor& output) {
  const at::Tensor logits = output.detach().contiguous();
  const auto [loss, gradient] = cross_entropy(logits, batch.labels, slice.label_smoothing);
  if (output.requires_grad()) output.backward(gradient);
  return {loss, logits, store_->gradient_scale(slice.clip_norm)};
}

}  // namespace finepune
