// ParameterStore: the optimiser's side.
#include <cmath>

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include "ops/error.h"
#include "ops/masked_step.h"
#include "train/parameter_store.h"
#include "train/random.h"

namespace finepune {

void ParameterStore::set_factors(const std::map<std::string, double>& factors) {
  std::map<std::string, bool> known;
  for (const GraphNode& node : network_.graph().nodes) known[node.name] = true;
  for (const auto& [node, factor] : factors) {
    if (!known.contains(node)) throw Error("E_USAGE", "expected a node for the learning-rate factor of " + node);
    if (!std::isfinite(factor) || factor < 0) {
      throw Error("E_USAGE", "expected a finite learning-rate factor of 0 or more for node " + node);
    }
  }
  for (State& state : states_) {
    if (!state.trained) continue;
    const auto found = factors.find(state.parameter->node);
    state.factor = found == factors.end() ? 1.0f : static_cast<float>(found->second);
    state.parameter->value.set_requires_grad(state.factor > 0);
  }
}

void ParameterStore::unfreeze() {
  for (State& state : states_) {
    if (state.trained) state.parameter->value.set_requires_grad(true);
  }
}

void ParameterStore::release_gradients() {
  for (State& state : states_) state.parameter->value.mutable_grad().reset();
}

float ParameterStore::clip_scale(double clip_norm) const {
  if (clip_norm <= 0) return 1.0f;
  double squares = 0;
  for (const State& state : states_) {
    const at::Tensor& gradient = state.parameter->value.grad();
    if (!gradient.defined()) continue;
    const double norm = at::linalg_vector_norm(gradient).item<double>();
    squares += norm * norm;
  }
  // As torch.nn.utils.clip_grad_norm_.
  return static_cast<float>(std::min(1.0, clip_norm / (std::sqrt(squares) + 1e-6)));
}

bool ParameterStore::refresh_due(const State& state, size_t index, const StepSettings& settings) const {
  if (settings.surgery == nullptr || !state.thresholds || state.thresholds->upper == 0) return false;
  const SurgerySchedule& surgery = *settings.surgery;
  if (settings.step < surgery.first_step || settings.step >= surgery.stop_step) return false;
  const double probability =
      std::pow(1.0 + surgery.gamma * static_cast<double>(settings.step - surgery.first_step), -surgery.power);
  Random random(settings.seed, Purpose::surgery, static_cast<uint64_t>(settings.step) << 16 | index);
  return random.uniform() < probability;
}

int64_t ParameterStore::step(const StepSettings& settings) {
  const at::NoGradGuard guard;
  const float gradient_scale = clip_scale(settings.clip_norm);
  const PrunedEntries pruned = settings.surgery == nullptr ? PrunedEntries::frozen : PrunedEntries::learning;
  int64_t refreshes = 0;
  for (size_t index = 0; index < states_.size(); ++index) {
    State& state = states_[index];
    at::Tensor value = state.parameter->value.detach();
    at::Tensor& stored = state.parameter->value.mutable_grad();
    if (!stored.defined()) continue;
    at::Tensor gradient = std::move(stored);
    stored.reset();
    if (gradient.strides() != value.strides()) gradient = at::empty_like(value).copy_(gradient);
    ensure_momentum(state);
    const StepRates rates{static_cast<float>(settings.learning_rate * state.factor),
                          static_cast<float>(settings.momentum), static_cast<float>(settings.weight_decay),
                          gradient_scale};
    if (!state.mask.defined()) {
      plain_step(value, state.momentum, gradient, rates);
      continue;
    }
    std::optional<MaskThresholds> refresh;
    if (refresh_due(state, index, settings)) refresh = state.thresholds;
    state.parameter->kept = masked_step({value, state.shadow, state.momentum, state.mask}, gradient, rates, pruned, refresh);
    refreshes += refresh ? 1 : 0;
  }
  return refreshes;
}

}  // namespace finepune
