// The masked step of single entries of a weight, for every kernel that steps.
#pragma once

#include <cstdint>

#include "ops/cuda/step_kernel.h"

namespace finepune::cuda {

struct Rates {
  float learning_rate, momentum, weight_decay, gradient_scale, lower, upper;
  bool refresh;
};

__device__ inline Rates rates_of(const StepLayer& layer, const StepShared& shared) {
  return {layer.learning_rate,
          shared.momentum,
          shared.weight_decay,
          shared.gradient_scale == nullptr ? 1.0f : *shared.gradient_scale,
          layer.thresholds.lower,
          layer.thresholds.upper,
          layer.refresh && layer.mask != nullptr};
}

// One entry's values; `keep` is its mask.
struct Entry {
  float parameter, shadow, momentum;
  bool keep;
};

// In the order of step_portable.cc, each product and sum rounded on its own.
template <bool kFrozen>
__device__ inline Entry stepped(const Entry& old, float gradient, const Rates& rates) {
  const float decay = old.keep ? rates.weight_decay : 0.0f;
  const float total = __fadd_rn(__fmul_rn(gradient, rates.gradient_scale), __fmul_rn(old.shadow, decay));
  Entry entry = old;
  entry.momentum = __fadd_rn(__fmul_rn(rates.momentum, old.momentum), total);
  entry.shadow = __fsub_rn(old.shadow, __fmul_rn(rates.learning_rate, entry.momentum));
  if (kFrozen && !old.keep) {
    entry.momentum = 0.0f;
    entry.shadow = old.shadow;
  }
  if (rates.refresh) {
    const float size = fabsf(entry.shadow);
    // A NaN, for which both comparisons are false, keeps its mask.
    if (size < rates.lower) entry.keep = false;
    if (size >= rates.upper) entry.keep = true;
  }
  entry.parameter = entry.keep ? entry.shadow : 0.0f;
  return entry;
}

// What a step reads of four neighbouring entries beside their gradients.
struct FourEntries {
  float4 shadow, momentum;
  uchar4 mask;
};

// Entries i to i + 3, i a multiple of four, of an aligned layer.
__device__ inline FourEntries load_four(const StepLayer& layer, int64_t i) {
  return {*reinterpret_cast<const float4*>(layer.shadow + i), *reinterpret_cast<const float4*>(layer.momentum + i),
          layer.mask != nullptr ? *reinterpret_cast<const uchar4*>(layer.mask + i) : make_uchar4(1, 1, 1, 1)};
}

// Steps with entries that load_four has given, and writes them. Returns by how much the number of ones grew.
template <bool kFrozen>
__device__ inline int step_four(const StepLayer& layer, int64_t i, const FourEntries& old_entries, const float4& gradient,
                                const Rates& rates) {
  FourEntries entries = old_entries;
  float4 parameter;
  int gained = 0;
  const auto step = [&](float& parameter_entry, float& shadow_entry, float& momentum_entry, float gradient_entry,
                        unsigned char& mask_entry) {
    const Entry old{0.0f, shadow_entry, momentum_entry, mask_entry != 0};
    const Entry entry = stepped<kFrozen>(old, gradient_entry, rates);
    parameter_entry = entry.parameter;
    shadow_entry = entry.shadow;
    momentum_entry = entry.momentum;
    mask_entry = entry.keep ? 1 : 0;
    gained += static_cast<int>(entry.keep) - static_cast<int>(old.keep);
  };
  step(parameter.x, entries.shadow.x, entries.momentum.x, gradient.x, entries.mask.x);
  step(parameter.y, entries.shadow.y, entries.momentum.y, gradient.y, entries.mask.y);
  step(parameter.z, entries.shadow.z, entries.momentum.z, gradient.z, entries.mask.z);
  step(parameter.w, entries.shadow.w, entries.momentum.w, gradient.w, entries.mask.w);
  *reinterpret_cast<float4*>(layer.momentum + i) = entries.momentum;
  *reinterpret_cast<float4*>(layer.shadow + i) = entries.shadow;
  if (layer.mask == nullptr) return 0;
  // Few masks change in a step: what is not written leaves the memory to the rest.
  const uchar4 &mask = entries.mask, &old = old_entries.mask;
  const bool changed = mask.x != old.x || mask.y != old.y || mask.z != old.z || mask.w != old.w;
  if (changed) *reinterpret_cast<uchar4*>(layer.mask + i) = mask;
  *reinterpret_cast<float4*>(layer.parameter + i) = parameter;
  return gained;
}

}  // namespace finepune::cuda
