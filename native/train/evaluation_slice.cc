// Session: slices without learning.
#include <algorithm>

#include <ATen/core/grad_mode.h>

#include "ops/error.h"
#include "ops/memory_advice.h"
#include "train/sample_order.h"
#include "train/scores.h"
#include "train/session.h"
#include "train/stopwatch.h"

namespace finepune {

EvaluateResult Session::evaluate(const SampleList& samples, int64_t batch_size) {
  check_samples(samples, batch_size);
  const ProductPrecision precision = product_precision();
  return with_memory_advice(batch_size, device_, [&] { return run_evaluation(samples, batch_size); });
}

EvaluateResult Session::run_evaluation(const SampleList& samples, int64_t batch_size) {
  const at::NoGradGuard guard;
  const Stopwatch stopwatch;
  const auto count = static_cast<int64_t>(samples.records.size());
  const int64_t batches = (count + batch_size - 1) / batch_size;
  BatchSettings settings = batch_settings(samples, batches, std::min(batch_size, count));
  const Crop crop = center_crop({settings.file->height(), settings.file->width()}, settings.output);
  BatchPlan plan = [&samples, count, batch_size, crop](int64_t batch, std::vector<BatchItem>& items) {
    const int64_t last = std::min(count, (batch + 1) * batch_size);
    for (int64_t i = batch * batch_size; i < last; ++i) {
      items.push_back({samples.records[static_cast<size_t>(i)], samples.labels[static_cast<size_t>(i)], crop});
    }
  };
  EvaluateResult result;
  EvaluationScores gathered(device_);
  const std::unique_ptr<BatchSource> source = make_batches(samples.images, std::move(settings), std::move(plan));
  for (int64_t i = 0; i < batches && !stop_; ++i) {
    const Batch& batch = source->next();
    gathered.add(logits(batch.images, {}), batch.items);
  }
  Scores scores = gathered.finish();
  result.images = static_cast<int64_t>(scores.predicted.size());
  const double images = static_cast<double>(std::max<int64_t>(1, result.images));
  result.top1 = static_cast<double>(scores.top1) / images;
  result.top5 = static_cast<double>(scores.top5) / images;
  result.loss = scores.loss / images;
  result.predicted = std::move(scores.predicted);
  result.seconds = stopwatch.seconds();
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
  const ProductPrecision precision = product_precision();
  BatchSettings settings = batch_settings(samples, batches, batch_size);
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
  const std::unique_ptr<BatchSource> source = make_batches(samples.images, std::move(settings), std::move(plan));
  network_->begin_statistics();
  Network::Mode mode;
  mode.collect_statistics = true;
  with_memory_advice(batch_size, device_, [&] {
    for (int64_t i = 0; i < batches && !stop_; ++i) logits(source->next().images, mode);
  });
}

}  // namespace finepune
