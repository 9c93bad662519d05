// ParameterStore: thresholds committed, and candidates tried without committing.
#include <cmath>

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include "ops/error.h"
#include "ops/mask.h"
#include "train/parameter_store.h"

namespace finepune {

std::map<ParameterStore::State*, MaskThresholds> ParameterStore::resolve(const ThresholdRequest& request) {
  const auto factor = [](double value) { return std::isfinite(value) && value >= 0; };
  if (!factor(request.lower) || !factor(request.upper) || request.lower > request.upper) {
    throw Error("E_USAGE", "expected finite 0 <= lower <= upper for the thresholds");
  }
  std::map<State*, MaskThresholds> resolved;
  for (const auto& [name, threshold] : request.thresholds) {
    State& state = find(name);
    if (!state.parameter->prunable) throw Error("E_USAGE", "tensor " + name + " cannot be pruned: it has no threshold");
    const auto upper = static_cast<float>(threshold * request.upper);
    if (!(threshold >= 0) || !std::isfinite(upper)) {
      throw Error("E_USAGE", "expected a finite threshold of 0 or more for " + name);
    }
    resolved[&state] = {static_cast<float>(threshold * request.lower), upper};
  }
  return resolved;
}

void ParameterStore::write(const std::vector<std::pair<State*, MaskUse>>& layers,
                           const std::map<State*, MaskThresholds>& thresholds) {
  std::vector<MaskedLayer> masked;
  for (const auto& [state, use] : layers) {
    const auto found = thresholds.find(state);
    masked.push_back({state->parameter->value.detach(), state->shadow, state->mask, use,
                      found == thresholds.end() ? MaskThresholds{} : found->second});
  }
  const std::vector<int64_t> ones = write_masks(masked);
  for (size_t i = 0; i < layers.size(); ++i) layers[i].first->parameter->kept = ones[i];
}

std::vector<LayerCount> ParameterStore::set_thresholds(const ThresholdRequest& request) {
  const at::NoGradGuard guard;
  const auto resolved = resolve(request);
  end_candidate();
  std::vector<std::pair<State*, MaskUse>> layers;
  for (const auto& [state, thresholds] : resolved) {
    // Threshold 0 prunes nothing: a dense layer stays one.
    if (thresholds.upper == 0 && !state->mask.defined()) continue;
    ensure_mask(*state);
    layers.emplace_back(state, MaskUse::refresh);
  }
  // Not before the memory for all is there.
  for (const auto& [state, thresholds] : resolved) state->thresholds = thresholds;
  write(layers, resolved);
  return counts();
}

std::vector<LayerCount> ParameterStore::set_candidate(const ThresholdRequest& request) {
  const at::NoGradGuard guard;
  const auto resolved = resolve(request);
  // Not before the memory for all is there.
  for (const auto& [state, thresholds] : resolved) ensure_mask(*state);
  if (!candidate_) statistics_.save();
  candidate_ = true;
  std::vector<std::pair<State*, MaskUse>> layers;
  for (State& state : states_) {
    const bool named = resolved.contains(&state);
    if (named || state.in_candidate) layers.emplace_back(&state, named ? MaskUse::candidate : MaskUse::stored);
    // Those no longer named are so until they are written.
    state.in_candidate = named || state.in_candidate;
  }
  write(layers, resolved);
  for (State& state : states_) state.in_candidate = resolved.contains(&state);
  return counts();
}

std::vector<LayerCount> ParameterStore::end_candidate() {
  const at::NoGradGuard guard;
  if (!candidate_) return counts();
  std::vector<std::pair<State*, MaskUse>> layers;
  for (State& state : states_) {
    if (state.in_candidate) layers.emplace_back(&state, MaskUse::stored);
  }
  write(layers, {});
  statistics_.restore();
  for (State& state : states_) state.in_candidate = false;
  candidate_ = false;
  return counts();
}

}  // namespace finepune
