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

std::vector<LayerCount> ParameterStore::set_thresholds(const ThresholdRequest& request) {
  const at::NoGradGuard guard;
  const auto resolved = resolve(request);
  end_candidate();
  for (const auto& [state, thresholds] : resolved) {
    state->thresholds = thresholds;
    // Threshold 0 prunes nothing: a dense layer stays one.
    if (thresholds.upper == 0 && !state->mask.defined()) continue;
    ensure_mask(*state);
    state->parameter->kept = refresh_mask(state->parameter->value, state->shadow, state->mask, thresholds);
  }
  return counts();
}

std::vector<LayerCount> ParameterStore::set_candidate(const ThresholdRequest& request) {
  const at::NoGradGuard guard;
  const auto resolved = resolve(request);
  if (!candidate_) {
    for (const State& state : states_) {
      if (!state.trained) saved_statistics_.push_back(state.parameter->value.detach().clone());
    }
    candidate_ = true;
  }
  for (State& state : states_) {
    const auto found = resolved.find(&state);
    if (found != resolved.end()) {
      ensure_mask(state);
      state.parameter->kept = write_candidate(state.parameter->value, state.shadow, state.mask, found->second);
    } else if (state.in_candidate) {
      state.parameter->kept = write_masked(state.parameter->value, state.shadow, state.mask);
    }
    state.in_candidate = found != resolved.end();
  }
  return counts();
}

std::vector<LayerCount> ParameterStore::end_candidate() {
  const at::NoGradGuard guard;
  if (!candidate_) return counts();
  size_t statistic = 0;
  for (State& state : states_) {
    if (!state.trained) state.parameter->value.copy_(saved_statistics_[statistic++]);
    if (state.in_candidate) state.parameter->kept = write_masked(state.parameter->value, state.shadow, state.mask);
    state.in_candidate = false;
  }
  saved_statistics_.clear();
  candidate_ = false;
  return counts();
}

}  // namespace finepune
