#include "ops/cuda/mask_kernel.h"

#include "ops/cuda/launch.h"
#include "ops/cuda/layer_rows.cuh"

namespace finepune::cuda {

namespace {

constexpr int kRows = 60;

struct MaskTable {
  Row<MaskLayer> rows[kRows];
  int count;
};
static_assert(sizeof(MaskTable) <= kArgumentBytes, "the table must fit in a kernel's arguments");

__device__ inline bool is_kept(float weight, bool old, const MaskLayer& layer) {
  if (layer.use == MaskUse::stored) return old;
  const float size = fabsf(weight);
  // A NaN, for which both comparisons are false, keeps its mask.
  return size >= layer.thresholds.upper || (!(size < layer.thresholds.lower) && old);
}

// Returns whether the entry is kept.
__device__ inline int mask_one(const MaskLayer& layer, int64_t i) {
  const float weight = layer.shadow[i];
  const bool keep = is_kept(weight, layer.mask[i] != 0, layer);
  if (layer.use == MaskUse::refresh) layer.mask[i] = keep ? 1 : 0;
  layer.parameter[i] = keep ? weight : 0.0f;
  return keep ? 1 : 0;
}

// Entries i to i + 3, i a multiple of four, of an aligned layer. Returns how many are kept.
__device__ inline int mask_four(const MaskLayer& layer, int64_t i) {
  const float4 weight = *reinterpret_cast<const float4*>(layer.shadow + i);
  uchar4 mask = *reinterpret_cast<const uchar4*>(layer.mask + i);
  float4 parameter;
  int ones = 0;
  const auto apply = [&](float& parameter_entry, float weight_entry, unsigned char& mask_entry) {
    const bool keep = is_kept(weight_entry, mask_entry != 0, layer);
    mask_entry = keep ? 1 : 0;
    parameter_entry = keep ? weight_entry : 0.0f;
    ones += keep ? 1 : 0;
  };
  apply(parameter.x, weight.x, mask.x);
  apply(parameter.y, weight.y, mask.y);
  apply(parameter.z, weight.z, mask.z);
  apply(parameter.w, weight.w, mask.w);
  if (layer.use == MaskUse::refresh) *reinterpret_cast<uchar4*>(layer.mask + i) = mask;
  *reinterpret_cast<float4*>(layer.parameter + i) = parameter;
  return ones;
}

__global__ void __launch_bounds__(kThreads) mask_kernel(const __grid_constant__ MaskTable table) {
  const int block = static_cast<int>(blockIdx.x);
  const Row<MaskLayer>& row = row_of(table.rows, table.count, block);
  const MaskLayer layer = row.layer;
  const Span span = span_of(row, block);
  const int64_t thread = static_cast<int64_t>(threadIdx.x);
  int ones = 0;
  for (int64_t i = span.begin + 4 * thread; i < span.vectors_end; i += 4 * kThreads) ones += mask_four(layer, i);
  for (int64_t i = span.vectors_end + thread; i < span.end; i += kThreads) ones += mask_one(layer, i);
  add_over_block(ones, layer.kept);
}

bool aligned(const MaskLayer& layer) {
  return is_aligned(layer.parameter, 16) && is_aligned(layer.shadow, 16) && is_aligned(layer.mask, 4);
}

}  // namespace

void launch_masks(const std::vector<MaskLayer>& layers, cudaStream_t stream) {
  launch_rows<kRows>(layers, aligned, [&](const Row<MaskLayer>* rows, int count, int blocks) {
    MaskTable table{};
    for (int i = 0; i < count; ++i) table.rows[i] = rows[i];
    table.count = count;
    mask_kernel<<<blocks, kThreads, 0, stream>>>(table);
    check_launch("masks");
  });
}

}  // namespace finepune::cuda
