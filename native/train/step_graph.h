// Forward and backward of training on a GPU, recorded once for all steps of one kind.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "nn/network.h"
#include "ops/device_graph.h"

namespace finepune {

// What a step learned beside the gradients, where the network computes.
struct Learned {
  at::Tensor loss;    // float32 []
  at::Tensor logits;  // float32 [N, classes]
  // float32 []: factor on the gradients; undefined where they are not clipped.
  at::Tensor gradient_scale;
};

// What the recorded work depends on beside the values in its memory and the session's precision: steps alike in all of it
// are of one kind.
struct StepKind {
  int64_t batch_size = 0;
  bool dropout = false;
  double label_smoothing = 0;
  double clip_norm = 0;
  // Where the inputs and all parameters lie, and which of these learn.
  std::vector<const void*> places = {};
  std::vector<bool> learning = {};

  bool operator==(const StepKind&) const = default;
};

class StepGraph {
 public:
  // `network`, on a CUDA device, must outlive the graph.
  explicit StepGraph(Network& network) : network_(network) {}

  // Does what `work` does, which leaves gradients in the network's parameters: the first time for a kind by calling it,
  // the second by recording it, then by queueing the record. Where memory does not suffice for a record, by calling it
  // always. What it returns is valid until the next call. Rethrows what `work` throws.
  Learned run(StepKind kind, const std::function<Learned()>& work);

 private:
  // The gradient of parameter number `parameter` that the record writes, whole or in factors.
  struct Recorded {
    size_t parameter;
    at::Tensor gradient;
    at::Tensor outputs, inputs;
  };

  void record(const std::function<Learned()>& work);
  Learned replay();

  Network& network_;
  std::optional<StepKind> kind_;
  // Of kind_: whether a record was found to be too large.
  bool unfit_ = false;
  std::unique_ptr<DeviceGraph> graph_;
  Learned learned_;
  std::vector<Recorded> recorded_;
};

}  // namespace finepune
