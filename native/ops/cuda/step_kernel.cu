#include "ops/cuda/step_kernel.h"

#include "ops/cuda/launch.h"
#include "ops/cuda/layer_rows.cuh"
#include "ops/cuda/step_entries.cuh"

namespace finepune::cuda {

namespace {

constexpr int kRows = 50;

struct StepTable {
  Row<StepLayer> rows[kRows];
  int count;
  StepShared shared;
};
static_assert(sizeof(StepTable) <= kArgumentBytes, "the table must fit in a kernel's arguments");

// Returns by how much the number of ones grew.
template <bool kFrozen>
__device__ inline int step_one(const StepLayer& layer, int64_t i, const Rates& rates) {
  const bool masked = layer.mask != nullptr;
  const Entry old{0.0f, layer.shadow[i], layer.momentum[i], !masked || layer.mask[i] != 0};
  const Entry entry = stepped<kFrozen>(old, layer.gradient[i], rates);
  layer.momentum[i] = entry.momentum;
  layer.shadow[i] = entry.shadow;
  if (!masked) return 0;
  if (entry.keep != old.keep) layer.mask[i] = entry.keep ? 1 : 0;
  layer.parameter[i] = entry.parameter;
  return static_cast<int>(entry.keep) - static_cast<int>(old.keep);
}

template <bool kFrozen>
__global__ void __launch_bounds__(kThreads) step_kernel(const __grid_constant__ StepTable table) {
  const StepShared& shared = table.shared;
  if (shared.proceed != nullptr && !*shared.proceed) return;
  const int block = static_cast<int>(blockIdx.x);
  const Row<StepLayer>& row = row_of(table.rows, table.count, block);
  const StepLayer layer = row.layer;
  const Span span = span_of(row, block);
  const Rates rates = rates_of(layer, shared);
  const int64_t thread = static_cast<int64_t>(threadIdx.x);
  int gained = 0;
  for (int64_t i = span.begin + 4 * thread; i < span.vectors_end; i += 4 * kThreads) {
    const float4 gradient = *reinterpret_cast<const float4*>(layer.gradient + i);
    gained += step_four<kFrozen>(layer, i, load_four(layer, i), gradient, rates);
  }
  for (int64_t i = span.vectors_end + thread; i < span.end; i += kThreads) {
    gained += step_one<kFrozen>(layer, i, rates);
  }
  // The same for the whole block.
  if (rates.refresh) add_over_block(gained, layer.kept);
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
