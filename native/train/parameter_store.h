// Everything training keeps beside a network's parameters: shadow, momentum and mask of each, thresholds, candidates.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "nn/network.h"
#include "ops/magnitude_histogram.h"
#include "ops/masked_step.h"
#include "train/options.h"
#include "train/running_statistics.h"

namespace finepune {

// See TensorRole in lib/native/addon.ts.
enum class Role { parameter, shadow, momentum, mask };

// Of one step, for all parameters.
struct StepSettings {
  int64_t step = 0;
  double learning_rate = 0;
  double momentum = 0;
  double weight_decay = 0;
  // Gradient norm over all trained parameters above which gradients are scaled to it; 0 for never.
  double clip_norm = 0;
  uint64_t seed = 0;
  // Null: masks stay, and pruned weights with them (PrunedEntries::frozen).
  const SurgerySchedule* surgery = nullptr;
  // What gradient_scale gave, where somebody has asked it already: then clip_norm is not looked at.
  at::Tensor gradient_scale;
};

// Not thread-safe. A layer is stored without shadow and mask (all ones) until a threshold, a candidate or a mask needs
// them, and a parameter without momentum (zeros) until its first step, so that a dense phase costs no more than SGD.
class ParameterStore {
 public:
  // The network must outlive the store. Its running statistics move to other memory.
  explicit ParameterStore(Network& network);

  // Values in contiguous order. Throw Error("E_USAGE") naming the tensor where it does not exist, has no such role, has
  // another number of entries than `values`, or where a mask holds something else than 0 and 1.
  void check_set(Role role, const std::string& name, const at::Tensor& values) const;
  // After check_set. Setting the parameter of a prunable weight sets its shadow; the parameter is W o T again after.
  void set(Role role, const std::string& name, const at::Tensor& values);
  // A contiguous copy on the CPU.
  at::Tensor get(Role role, const std::string& name) const;

  // Fresh values (nn/initialize.h), masks all ones, momentum zero.
  void initialize(const std::vector<std::string>& names, uint64_t seed);

  // Sets a = lower * t and b = upper * t for the layers named, refreshes their masks once.
  std::vector<LayerCount> set_thresholds(const ThresholdRequest& request);
  // W o h(W; t) in the parameters of the layers named, W o T in the others.
  std::vector<LayerCount> set_candidate(const ThresholdRequest& request);
  // W o T everywhere, and the running statistics of before the first candidate. Nothing where there is none.
  std::vector<LayerCount> end_candidate();
  bool has_candidate() const { return candidate_; }

  // Prunable weights under the masks in use.
  std::vector<LayerCount> counts() const;
  std::map<std::string, MagnitudeHistogram> histograms() const;

  // Learning-rate factors by node; 0 freezes: its parameters get no gradient. Throws Error("E_USAGE") on an unknown node.
  void set_factors(const std::map<std::string, double>& factors);
  // Every trained parameter gets gradients.
  void unfreeze();

  // Factor that scales the gradients of the last backward down to a norm of `clip_norm` over all of them, or 1: float32 [], on
  // the network's device. Undefined where there are no gradients or `clip_norm` is 0.
  at::Tensor gradient_scale(double clip_norm) const;

  // Before the first of a row of steps, with nothing but steps between them. Until end_steps the gradients of linear
  // layers' weights on the CPU are left in factors.
  void begin_steps();
  // One step from the gradients of the last backward, which are released. Returns the number of masks refreshed.
  // `proceed` as in StepOptions. On a GPU nothing waits for it, and the counts of kept weights stay those of before.
  int64_t step(const StepSettings& settings, const at::Tensor& proceed);
  // After a step that failed before it was done, anywhere: releases the gradients, and the running statistics are those of
  // after the last step done.
  void drop_step();
  // After the steps, also where one failed: waits for them, and takes over the counts.
  void end_steps();
  void release_gradients();

 private:
  struct State {
    Parameter* parameter = nullptr;
    // False for running statistics.
    bool trained = false;
    at::Tensor shadow;
    at::Tensor momentum;
    at::Tensor mask;
    std::optional<MaskThresholds> thresholds;
    float factor = 1;
    bool in_candidate = false;
  };

  State& find(const std::string& name);
  const State& find(const std::string& name) const;
  std::map<State*, MaskThresholds> resolve(const ThresholdRequest& request);
  void ensure_mask(State& state);
  // W o T, or W o h(W), into the parameters of these, and the counts of ones.
  void write(const std::vector<std::pair<State*, MaskUse>>& layers, const std::map<State*, MaskThresholds>& thresholds);
  void ensure_momentum(State& state);
  void read_counts();
  // Takes a parameter's gradient away into `layer`, whole or in factors; false where it has none.
  bool take_gradient(State& state, LayerStep& layer);
  // What a step does to one parameter; its gradient is taken away. None where it has none.
  std::optional<LayerStep> layer_step(State& state, size_t index, const StepSettings& settings);
  bool refresh_due(const State& state, size_t index, const StepSettings& settings) const;

  Network& network_;
  std::vector<State> states_;
  std::map<std::string, size_t> index_;
  // Of each state's mask, on the network's device, while steps run: int64.
  at::Tensor kept_;
  bool candidate_ = false;
  // Remembered: those of before the first candidate; while steps run, those of after the last one done.
  RunningStatistics statistics_;
};

}  // namespace finepune
