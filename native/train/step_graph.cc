#include "train/step_graph.h"

#include <c10/util/Exception.h>

#include "ops/device.h"

namespace finepune {

Learned StepGraph::run(StepKind kind, const std::function<Learned()>& work) {
  if (kind_ != kind) {
    graph_.reset();
    recorded_.clear();
    learned_ = {};
    kind_ = std::move(kind);
    unfit_ = false;
    return work();
  }
  if (!graph_ && !unfit_) record(work);
  return unfit_ ? work() : replay();
}

void StepGraph::record(const std::function<Learned()>& work) {
  // The record has memory of its own, beside what calling `work` left behind.
  release_kept_device_memory();
  try {
    graph_ = std::make_unique<DeviceGraph>(network_.device(), [&] { learned_ = work(); });
  } catch (const c10::OutOfMemoryError&) {
    unfit_ = true;
  }
  std::vector<Parameter>& parameters = network_.parameters();
  for (size_t i = 0; i < parameters.size(); ++i) {
    at::Tensor& gradient = parameters[i].value.mutable_grad();
    GradientFactors* factors = parameters[i].factors.get();
    Recorded recorded{i, gradient, {}, {}};
    if (factors != nullptr) {
      recorded.outputs = factors->outputs;
      recorded.inputs = factors->inputs;
      factors->reset();
    }
    gradient.reset();
    if (!unfit_ && (recorded.gradient.defined() || recorded.outputs.defined())) recorded_.push_back(std::move(recorded));
  }
  if (unfit_) {
    learned_ = {};
    release_kept_device_memory();
  }
}

Learned StepGraph::replay() {
  graph_->replay();
  for (const Recorded& recorded : recorded_) {
    Parameter& parameter = network_.parameters()[recorded.parameter];
    parameter.value.mutable_grad() = recorded.gradient;
    if (recorded.outputs.defined()) {
      parameter.factors->outputs = recorded.outputs;
      parameter.factors->inputs = recorded.inputs;
    }
  }
  return learned_;
}

}  // namespace finepune
