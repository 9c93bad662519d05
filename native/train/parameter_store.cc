#include "train/parameter_store.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include "nn/initialize.h"
#include "ops/error.h"
#include "ops/mask.h"

namespace finepune {

namespace {

const char* role_name(Role role) {
  switch (role) {
    case Role::parameter:
      return "parameter";
    case Role::shadow:
      return "shadow";
    case Role::momentum:
      return "momentum";
    case Role::mask:
      return "mask";
  }
  return "";
}

}  // namespace

ParameterStore::ParameterStore(Network& network) : network_(network), statistics_(network) {
  for (Parameter& parameter : network.parameters()) {
    index_[parameter.name] = states_.size();
    State state;
    state.parameter = &parameter;
    state.trained = !is_running_statistic(parameter);
    state.parameter->kept = parameter.value.numel();
    states_.push_back(std::move(state));
  }
}

ParameterStore::State& ParameterStore::find(const std::string& name) {
  const auto found = index_.find(name);
  if (found == index_.end()) throw Error("E_USAGE", "the network has no tensor " + name);
  return states_[found->second];
}

const ParameterStore::State& ParameterStore::find(const std::string& name) const {
  return const_cast<ParameterStore*>(this)->find(name);
}

void ParameterStore::ensure_mask(State& state) {
  if (state.mask.defined()) return;
  const at::Tensor value = state.parameter->value.detach();
  at::Tensor shadow = value.clone();
  state.mask = at::ones_like(value, at::TensorOptions().dtype(at::kByte));
  state.shadow = std::move(shadow);
}

void ParameterStore::ensure_momentum(State& state) {
  if (!state.momentum.defined()) state.momentum = at::zeros_like(state.parameter->value.detach());
}

void ParameterStore::check_set(Role role, const std::string& name, const at::Tensor& values) const {
  const State& state = find(name);
  const bool allowed = role == Role::parameter || (role == Role::momentum ? state.trained : state.parameter->prunable);
  if (!allowed) throw Error("E_USAGE", "tensor " + name + " has no " + role_name(role));
  const at::ScalarType type = role == Role::mask ? at::kByte : at::kFloat;
  if (values.scalar_type() != type) {
    throw Error("E_USAGE", std::string("expected ") + (role == Role::mask ? "a Uint8Array" : "a Float32Array") +
                               " for the " + role_name(role) + " of " + name);
  }
  if (values.numel() != state.parameter->value.numel()) {
    throw Error("E_USAGE", "expected " + std::to_string(state.parameter->value.numel()) + " entries for the " +
                               role_name(role) + " of " + name + " but received " + std::to_string(values.numel()));
  }
  if (role == Role::mask && at::gt(values, 1).any().item<bool>()) {
    throw Error("E_USAGE", "expected only 0 and 1 in the mask of " + name);
  }
}

void ParameterStore::set(Role role, const std::string& name, const at::Tensor& values) {
  const at::NoGradGuard guard;
  State& state = find(name);
  const at::Tensor& value = state.parameter->value;
  const at::Tensor shaped = values.view(value.sizes());
  if (role == Role::momentum) {
    ensure_momentum(state);
    state.momentum.copy_(shaped);
    return;
  }
  if (role == Role::mask) {
    if (!state.mask.defined() && at::eq(values, 1).all().item<bool>()) return;
    ensure_mask(state);
    state.mask.copy_(shaped);
  } else if (state.mask.defined()) {
    state.shadow.copy_(shaped);
  } else {
    value.copy_(shaped);
  }
  if (state.mask.defined()) write({{&state, MaskUse::stored}}, {});
}

at::Tensor ParameterStore::get(Role role, const std::string& name) const {
  const at::NoGradGuard guard;
  const State& state = find(name);
  const at::Tensor value = state.parameter->value.detach();
  const bool allowed = role == Role::parameter || (role == Role::momentum ? state.trained : state.parameter->prunable);
  if (!allowed) throw Error("E_USAGE", "tensor " + name + " has no " + role_name(role));
  at::Tensor source = value;
  if (role == Role::shadow && state.shadow.defined()) source = state.shadow;
  if (role == Role::momentum) source = state.momentum.defined() ? state.momentum : at::zeros(value.sizes(), at::kFloat);
  if (role == Role::mask) source = state.mask.defined() ? state.mask : at::ones(value.sizes(), at::kByte);
  return source.clone(at::MemoryFormat::Contiguous).cpu();
}

void ParameterStore::initialize(const std::vector<std::string>& names, uint64_t seed) {
  const at::NoGradGuard guard;
  for (const std::string& name : names) find(name);
  initialize_parameters(network_, names, seed);
  for (const std::string& name : names) {
    State& state = find(name);
    state.shadow.reset();
    state.mask.reset();
    state.momentum.reset();
    state.parameter->kept = state.parameter->value.numel();
  }
}

std::vector<LayerCount> ParameterStore::counts() const {
  std::vector<LayerCount> counts;
  for (const State& state : states_) {
    if (state.parameter->prunable) {
      counts.push_back({state.parameter->name, state.parameter->value.numel(), state.parameter->kept});
    }
  }
  return counts;
}

std::map<std::string, MagnitudeHistogram> ParameterStore::histograms() const {
  std::map<std::string, MagnitudeHistogram> histograms;
  for (const State& state : states_) {
    if (!state.parameter->prunable) continue;
    const at::Tensor weights = state.shadow.defined() ? state.shadow : state.parameter->value.detach();
    histograms.emplace(state.parameter->name, magnitude_histogram(weights, state.mask));
  }
  return histograms;
}

}  // namespace finepune
