#include "ops/cuda/step_kernel.h"

#include "ops/cuda/launch.h"
#include "ops/cuda/layer_rows.cuh"

namespace finepune::cuda {

namespace {

constexpr int kRows = 50;

struct StepTable {
  Row<StepLayer> rows[kRows];
  int count;
  StepShared shared;
};
static_assert(sizeof(StepTable) <= kArgumentBytes, "the table must fit in a kernel's arguments");

struct Factors {
  float learning_rate, momentum, weight_decay, gradient_scale, lower, upper;
  bool refresh;
};

// One entry's values; `keep` is its mask.
struct Entry {
  float parameter, shadow, momentum;
  bool keep;
};

// In the order of step_portable.cc, each product and sum rounded on its own.
template <bool kFrozen>
__device__ inline Entry stepped(const Entry& old, float gradient, const Factors& factors) {
  const float decay = old.keep ? factors.weight_decay : 0.0f;
  const float total = __fadd_rn(__fmul_rn(gradient, factors.gradient_scale), __fmul_rn(old.shadow, decay));
  Entry entry = old;
  entry.momentum = __fadd_rn(__fmul_rn(factors.momentum, old.momentum), total);
  entry.shadow = __fsub_rn(old.shadow, __fmul_rn(factors.learning_rate, entry.momentum));
  if (kFrozen && !old.keep) {
    entry.momentum = 0.0f;
    entry.shadow = old.shadow;
  }
  if (factors.refresh) {
    const float size = fabsf(entry.shadow);
    // A NaN, for which both comparisons are false, keeps its mask.
    if (size < factors.lower) entry.keep = false;
    if (size >= factors.upper) entry.keep = true;
  }
  entry.parameter = entry.keep ? entry.shadow : 0.0f;
  return entry;
}

// Returns by how much the number of ones grew.
template <bool kFrozen>
__device__ inline int step_one(const StepLayer& layer, int64_t i, const Factors& factors) {
  const bool masked = layer.mask != nullptr;
  const Entry old{0.0f, layer.shadow[i], layer.momentum[i], !masked || layer.mask[i] != 0};
  const Entry entry = stepped<kFrozen>(old, layer.gradient[i], factors);
  layer.momentum[i] = entry.momentum;
  layer.shadow[i] = entry.shadow;
  if (!masked) return 0;
  if (entry.keep != old.keep) layer.mask[i] = entry.keep ? 1 : 0;
  layer.parameter[i] = entry.parameter;
  return static_cast<int>(entry.keep) - static_cast<int>(old.keep);
}

// Entries i to i + 3, i a multiple of four, of an aligned layer.
template <bool kFrozen>
__device__ inline int step_four(const StepLayer& layer, int64_t i, const Factors& factors) {
  const bool masked = layer.mask != nullptr;
  float4 shadow = *reinterpret_cast<const float4*>(layer.shadow + i);
  float4 momentum = *reinterpret_cast<const float4*>(layer.momentum + i);
  const float4 gradient = *reinterpret_cast<const float4*>(layer.gradient + i);
  const uchar4 old_mask = masked ? *reinterpret_cast<const uchar4*>(layer.mask + i) : make_uchar4(1, 1, 1, 1);
  uchar4 mask = old_mask;
  float4 parameter;
  int gained = 0;
  const auto step = [&](float& parameter_entry, float& shadow_entry, float& momentum_entry, float gradient_entry,
                        unsigned char& mask_entry) {
    const Entry old{0.0f, shadow_entry, momentum_entry, mask_entry != 0};
    const Entry entry = stepped<kFrozen>(old, gradient_entry, factors);
    parameter_entry = entry.parameter;
    shadow_entry = entry.shadow;
    momentum_entry = entry.momentum;
    mask_entry = entry.keep ? 1 : 0;
    gained += static_cast<int>(entry.keep) - static_cast<int>(old.keep);
  };
  step(parameter.x, shadow.x, momentum.x, gradient.x, mask.x);
  step(parameter.y, shadow.y, momentum.y, gradient.y, mask.y);
  step(parameter.z, shadow.z, momentum.z, gradient.z, mask.z);
  step(parameter.w, shadow.w, momentum.w, gradient.w, mask.w);
  *reinterpret_cast<float4*>(layer.momentum + i) = momentum;
  *reinterpret_cast<float4*>(layer.shadow + i) = shadow;
  if (!masked) return 0;
  // Few masks change in a step: what is not written leaves the memory to the rest.
  const bool changed = mask.x != old_mask.x || mask.y != old_mask.y || mask.z != old_mask.z || mask.w != old_mask.w;
  if (changed) *reinterpret_cast<uchar4*>(layer.mask + i) = mask;
  *reinterpret_cast<float4*>(layer.parameter + i) = parameter;
  return gained;
}

template <bool kFrozen>
__global__ void __launch_bounds__(kThreads) step_kernel(const __grid_constant__ StepTable table) {
  const StepShared& shared = table.shared;
  if (shared.proceed != nullptr && !*shared.proceed) return;
  const int block = static_cast<int>(blockIdx.x);
  const Row<StepLayer>& row = row_of(table.rows, table.count, block);
  const StepLayer layer = row.layer;
  const Span span = span_of(row, block);
  const bool refresh = layer.refresh && layer.mask != nullptr;
  const Factors factors{layer.learning_rate,
                        shared.momentum,
                        shared.weight_decay,
                        shared.gradient_scale == nullptr ? 1.0f : *shared.gradient_scale,
                        layer.thresholds.lower,
                        layer.thresholds.upper,
                        refresh};
  const int64_t thread = static_cast<int64_t>(threadIdx.x);
  int gained = 0;
  for (int64_t i = span.begin + 4 * thread; i < span.vectors_end; i += 4 * kThreads) {
    gained += step_four<kFrozen>(layer, i, factors);
  }
  for (int64_t i = span.vectors_end + thread; i < span.end; i += kThreads) {
    gained += step_one<kFrozen>(layer, i, factors);
  }
  // The same for the whole block.
  if (refresh) add_over_block(gained, layer.kept);
}

bool aligned(const StepLayer& layer) {
  return is_aligned(layer.parameter, 16) && is_aligned(layer.shadow, 16) && is_aligned(layer.momentum, 16) &&
         is_aligned(layer.gradient, 16) && is_aligned(layer.mask, 4);
}

}  // namespace

void launch_step(const std::vector<StepLayer>& layers, const StepShared& shared, cudaStream_t stream) {
  launch_rows<kRows>(layers, aligned, [&](const Row<StepLayer>* rows, int count, int blocks) {
    StepTable table{};
    for (int i = 0; i < count; ++i) table.rows[i] = rows[i];
    table.count = count;
    table.shared = shared;
    if (shared.pruned == PrunedEntries::frozen) {
      step_kernel<true><<<blocks, kThreads, 0, stream>>>(table);
    } else {
      step_kernel<false><<<blocks, kThreads, 0, stream>>>(table);
    }
    check_launch("masked step");
  });
}

}  // namespace finepune::cuda
