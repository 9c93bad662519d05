// Session: the scale of fresh weights.
#include <algorithm>
#include <cmath>

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include "ops/error.h"
#include "ops/memory_advice.h"
#include "train/sample_order.h"
#include "train/session.h"

namespace finepune {

void Session::calibrate(const std::vector<std::string>& names, const SampleList& samples, int64_t batch_size) {
  check_samples(samples, batch_size);
  if (store_->has_candidate()) {
    throw Error("E_USAGE", "weights cannot be calibrated under a candidate; end it with setCandidate(null) first");
  }
  const at::NoGradGuard guard;
  const ProductPrecision precision = product_precision();
  BatchSettings settings = batch_settings(samples, 1, batch_size);
  const Crop crop = center_crop({settings.file->height(), settings.file->width()}, settings.output);
  BatchPlan plan = [&samples, batch_size, crop,
                    order = SampleOrder(options_.seed, static_cast<int64_t>(samples.records.size()))](
                       int64_t, std::vector<BatchItem>& items) mutable {
    for (int64_t position = 0; position < batch_size; ++position) {
      const uint32_t sample = order.sample(position);
      items.push_back({samples.records[sample], samples.labels[sample], crop});
    }
  };
  const std::unique_ptr<BatchSource> source = make_batches(samples.images, std::move(settings), std::move(plan));
  const at::Tensor images = source->next().images;
  const Graph& graph = network_->graph();
  for (const GraphNode& node : graph.nodes) {
    const std::string weight = node.name + ".weight";
    if (node.name == graph.head || std::find(names.begin(), names.end(), weight) == names.end()) continue;
    if (!network_->parameter(weight).prunable) continue;
    const double deviation = with_memory_advice(batch_size, device_, [&] {
      return network_->value_of(node.name, images, {}).to(at::kFloat).std().item<double>();
    });
    if (!std::isfinite(deviation) || deviation <= 0) continue;
    // Pruned weights with them: the parameter does not hold theirs.
    store_->set(Role::shadow, weight, store_->get(Role::shadow, weight).div_(deviation));
  }
}

}  // namespace finepune
