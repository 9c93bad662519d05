// ParameterStore: the optimiser's side.
#include <cmath>
#include <stdexcept>

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include "ops/clip_scale.h"
#include "ops/error.h"
#include "ops/layout.h"
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
  for (State& state : states_) {
    state.parameter->value.mutable_grad().reset();
    if (state.parameter->factors) state.parameter->factors->reset();
  }
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

void ParameterStore::begin_steps() {
  at::Tensor counts = at::empty({static_cast<int64_t>(states_.size())}, at::kLong);
  for (size_t i = 0; i < states_.size(); ++i) counts.data_ptr<int64_t>()[i] = states_[i].parameter->kept;
  kept_ = counts.to(network_.device());
  statistics_.save();
  for (State& state : states_) {
    if (state.parameter->value.dim() == 2) state.parameter->factors = c10::make_intrusive<GradientFactors>();
  }
}

void ParameterStore::drop_step() {
  release_gradients();
  const at::NoGradGuard guard;
  statistics_.restore();
}

void ParameterStore::end_steps() {
  statistics_.forget();
  read_counts();
  for (State& state : states_) state.parameter->factors.reset();
}

void ParameterStore::read_counts() {
  const at::Tensor counts = kept_.cpu();
  for (size_t i = 0; i < states_.size(); ++i) states_[i].parameter->kept = counts.const_data_ptr<int64_t>()[i];
}

bool ParameterStore::take_gradient(State& state, LayerStep& layer) {
  const at::Tensor value = state.parameter->value.detach();
  at::Tensor gradient = std::move(state.parameter->value.mutable_grad());
  state.parameter->value.mutable_grad().reset();
  const bool factored = state.parameter->factors && state.parameter->factors->defined();
  if (factored && gradient.defined()) {
    throw std::logic_error("the gradient of " + state.parameter->name + " came whole and in factors; their sum is not known");
  }
  if (factored) {
    layer.factors = state.parameter->factors;
    return true;
  }
  if (!gradient.defined()) return false;
  layer.gradient = has_layout_of(value, gradient) ? gradient : at::empty_like(value).copy_(gradient);
  return true;
}

std::optional<LayerStep> ParameterStore::layer_step(State& state, size_t index, const StepSettings& settings) {
  LayerStep layer;
  if (!take_gradient(state, layer)) return std::nullopt;
  ensure_momentum(state);
  layer.weight = {state.parameter->value.detach(), state.shadow, state.momentum, state.mask};
  layer.learning_rate = static_cast<float>(settings.learning_rate * state.factor);
  layer.kept_index = static_cast<int64_t>(index);
  if (state.mask.defined() && refresh_due(state, index, settings)) layer.refresh = state.thresholds;
  return layer;
}

at::Tensor ParameterStore::gradient_scale(double clip_norm) const {
  if (clip_norm <= 0) return {};
  std::vector<at::Tensor> gradients;
  at::Tensor square_sum;
  for (const State& state : states_) {
    const at::Tensor& gradient = state.parameter->value.grad();
    if (gradient.defined()) gradients.push_back(gradient);
    const c10::intrusive_ptr<GradientFactors>& factors = state.parameter->factors;
    if (!factors || !factors->defined()) continue;
    const at::Tensor squares = factors->square_sum();
    square_sum = square_sum.defined() ? square_sum + squares : squares;
  }
  return gradients.empty() && !square_sum.defined() ? at::Tensor() : clip_scale(gradients, clip_norm, square_sum);
}

int64_t ParameterStore::step(const StepSettings& settings, const at::Tensor& proceed) {
  const at::NoGradGuard guard;
  StepOptions options;
  options.gradient_scale =
      settings.gradient_scale.defined() ? settings.gradient_scale : gradient_scale(settings.clip_norm);
  std::vector<LayerStep> layers;
  int64_t refreshes = 0;
  for (size_t index = 0; index < states_.size(); ++index) {
    std::optional<LayerStep> layer = layer_step(states_[index], index, settings);
    if (!layer) continue;
    refreshes += layer->refresh ? 1 : 0;
    layers.push_back(std::move(*layer));
  }
  options.momentum = static_cast<float>(settings.momentum);
  options.weight_decay = static_cast<float>(settings.weight_decay);
  options.pruned = settings.surgery == nullptr ? PrunedEntries::frozen : PrunedEntries::learning;
  options.proceed = proceed;
  if (!layers.empty()) step_layers(layers, options, kept_);
  statistics_.save_if(proceed);
  release_gradients();
  // On the CPU the next forward chooses by them how to multiply.
  if (kept_.is_cpu()) read_counts();
  return refreshes;
}

}  // namespace finepune
