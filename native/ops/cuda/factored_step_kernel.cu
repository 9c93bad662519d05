#include "ops/cuda/factored_step_kernel.h"

#include "ops/cuda/launch.h"
#include "ops/cuda/layer_rows.cuh"
#include "ops/cuda/step_entries.cuh"
#include "ops/cuda/tensor_cores.cuh"

namespace finepune::cuda {

namespace {

// A block steps with a tile of the weight. It multiplies in chunks of images, one chunk while the next is on its way.
constexpr int kTile = 128;
constexpr int kChunk = 32;
// Floats from one row in shared memory to the next: 8 more than whole rounds of the banks, so that the four rows and eight
// columns of a fragment lie in 32 of them.
constexpr int kPitch = kTile + 8;
constexpr int kFactorFloats = kChunk * kPitch;
constexpr int kStageFloats = 2 * kFactorFloats;
// Two chunks; later, in the same memory, the tile of the gradient.
constexpr int kSharedFloats = 2 * kStageFloats;
static_assert(kSharedFloats >= kTile * kPitch);
// Warps stand in two rows of four; each multiplies 64 x 32 of a tile.
constexpr int kWarpOutputs = 64;
constexpr int kWarpInputs = 32;
constexpr int kLeftCount = kWarpOutputs / 16;
constexpr int kRightCount = kWarpInputs / 8;
static_assert(kWarps == (kTile / kWarpOutputs) * (kTile / kWarpInputs));
// Rows of a tile whose memory a warp asks for at once.
constexpr int kRowsAtOnce = 4;

struct Tile {
  int first_output, first_input;
};

__device__ inline Tile tile_of(const StepFactors& factors, int block) {
  const int columns = (factors.input_count + kTile - 1) / kTile;
  return {block / columns * kTile, block % columns * kTile};
}

// Begins to copy images `first` to `first` + kChunk - 1 of `count` columns from `first_column` on; zeros beyond either.
__device__ inline void begin_chunk(float* shared, const float* factor, int64_t images, int64_t first, int count,
                                   int first_column) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int column = first_column + 4 * lane;
#pragma unroll
  for (int row = warp; row < kChunk; row += kWarps) {
    const int64_t image = first + row;
    const bool valid = image < images && column < count;
    begin_copy(shared + row * kPitch + 4 * lane, valid ? factor + image * count + column : factor, valid);
  }
}

__device__ inline void begin_chunks(float* stage, const StepFactors& factors, const Tile& tile, int64_t first) {
  begin_chunk(stage, factors.outputs, factors.images, first, factors.output_count, tile.first_output);
  begin_chunk(stage + kFactorFloats, factors.inputs, factors.images, first, factors.input_count, tile.first_input);
}

using Sums = SumFragment[kLeftCount][kRightCount];

// Where a warp's part of a tile begins, and which rows and columns of fragments are a lane's.
struct WarpPlace {
  int first_output, first_input, group, place;
};

__device__ inline WarpPlace warp_place() {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  constexpr int across = kTile / kWarpInputs;
  return {warp / across * kWarpOutputs, warp % across * kWarpInputs, lane / 4, lane % 4};
}

// Adds the products of one chunk.
__device__ inline void multiply_chunk(const float* stage, const WarpPlace& warp, Sums& sums) {
#pragma unroll
  for (int image = 0; image < kChunk; image += 8) {
    const float* outputs = stage + (image + warp.place) * kPitch + warp.first_output + warp.group;
    const float* inputs = stage + kFactorFloats + (image + warp.place) * kPitch + warp.first_input + warp.group;
    LeftFragment left[kLeftCount];
    RightFragment right[kRightCount];
#pragma unroll
    for (int i = 0; i < kLeftCount; ++i) {
      const float* at = outputs + 16 * i;
      left[i] = {{fragment_bits(at[0]), fragment_bits(at[8]), fragment_bits(at[4 * kPitch]),
                  fragment_bits(at[4 * kPitch + 8])}};
    }
#pragma unroll
    for (int j = 0; j < kRightCount; ++j) {
      const float* at = inputs + 8 * j;
      right[j] = {{fragment_bits(at[0]), fragment_bits(at[4 * kPitch])}};
    }
#pragma unroll
    for (int i = 0; i < kLeftCount; ++i) {
#pragma unroll
      for (int j = 0; j < kRightCount; ++j) multiply_add(sums[i][j], left[i], right[j]);
    }
  }
}

// Leaves the tile's gradient in `shared`, a row an output.
__device__ inline void multiply_tile(float* shared, const StepFactors& factors, const Tile& tile) {
  const WarpPlace warp = warp_place();
  Sums sums = {};
  begin_chunks(shared, factors, tile, 0);
  end_copy_group();
  int stage = 0;
  for (int64_t image = 0; image < factors.images; image += kChunk) {
    if (image + kChunk < factors.images) {
      begin_chunks(shared + (1 - stage) * kStageFloats, factors, tile, image + kChunk);
    }
    // Empty at the end: then, too, all but the last group are waited for.
    end_copy_group();
    wait_for_copies<1>();
    __syncthreads();
    multiply_chunk(shared + stage * kStageFloats, warp, sums);
    // Before the next chunk but one, or the gradient, takes the place of this one.
    __syncthreads();
    stage = 1 - stage;
  }
#pragma unroll
  for (int i = 0; i < kLeftCount; ++i) {
#pragma unroll
    for (int j = 0; j < kRightCount; ++j) {
      float* to = shared + (warp.first_output + 16 * i + warp.group) * kPitch + warp.first_input + 8 * j + 2 * warp.place;
      const float* values = sums[i][j].values;
      *reinterpret_cast<float2*>(to) = make_float2(values[0], values[1]);
      *reinterpret_cast<float2*>(to + 8 * kPitch) = make_float2(values[2], values[3]);
    }
  }
  __syncthreads();
}

// Steps with the tile's gradient, a warp a row. Returns by how much the number of ones grew.
template <bool kFrozen>
__device__ inline int step_tile(const float* gradient, const StepLayer& layer, const StepFactors& factors,
                                const Tile& tile, const Rates& rates) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int column = tile.first_input + 4 * lane;
  if (column >= factors.input_count) return 0;
  const int left = factors.output_count - tile.first_output;
  const int rows = left < kTile ? left : kTile;
  int gained = 0;
  for (int first = warp; first < rows; first += kWarps * kRowsAtOnce) {
    FourEntries entries[kRowsAtOnce];
#pragma unroll
    for (int k = 0; k < kRowsAtOnce; ++k) {
      const int row = first + k * kWarps;
      const int64_t i = static_cast<int64_t>(tile.first_output + row) * factors.input_count + column;
      if (row < rows) entries[k] = load_four(layer, i);
    }
#pragma unroll
    for (int k = 0; k < kRowsAtOnce; ++k) {
      const int row = first + k * kWarps;
      const int64_t i = static_cast<int64_t>(tile.first_output + row) * factors.input_count + column;
      const float4& values = *reinterpret_cast<const float4*>(gradient + row * kPitch + 4 * lane);
      if (row < rows) gained += step_four<kFrozen>(layer, i, entries[k], values, rates);
    }
  }
  return gained;
}

// Two blocks on a multiprocessor: one multiplies while the other waits for the weight.
template <bool kFrozen>
__global__ void __launch_bounds__(kThreads, 2)
    factored_step_kernel(const StepLayer layer, const StepFactors factors, const StepShared shared) {
  extern __shared__ float4 step_memory[];
  if (shared.proceed != nullptr && !*shared.proceed) return;
  float* memory = reinterpret_cast<float*>(step_memory);
  const Tile tile = tile_of(factors, static_cast<int>(blockIdx.x));
  const Rates rates = rates_of(layer, shared);
  multiply_tile(memory, factors, tile);
  const int gained = step_tile<kFrozen>(memory, layer, factors, tile, rates);
  // The same for the whole block.
  if (rates.refresh) add_over_block(gained, layer.kept);
}

template <bool kFrozen>
void launch(const StepLayer& layer, const StepFactors& factors, const StepShared& shared, cudaStream_t stream) {
  constexpr size_t bytes = kSharedFloats * sizeof(float);
  allow_most_shared_memory(factored_step_kernel<kFrozen>);
  const auto tiles = [](int64_t count) { return (count + kTile - 1) / kTile; };
  const auto blocks = static_cast<unsigned>(tiles(factors.output_count) * tiles(factors.input_count));
  factored_step_kernel<kFrozen><<<blocks, kThreads, bytes, stream>>>(layer, factors, shared);
  check_launch("factored step");
}

}  // namespace

bool can_step_with(const StepLayer& layer, const StepFactors& factors) {
  return factors.output_count % 4 == 0 && factors.input_count % 4 == 0 && is_aligned(layer.parameter, 16) &&
         is_aligned(layer.shadow, 16) && is_aligned(layer.momentum, 16) && is_aligned(layer.mask, 4) &&
         is_aligned(factors.outputs, 16) && is_aligned(factors.inputs, 16);
}

void launch_factored_step(const StepLayer& layer, const StepFactors& factors, const StepShared& shared,
                          cudaStream_t stream) {
  if (layer.count == 0) return;
  if (shared.pruned == PrunedEntries::frozen) {
    launch<true>(layer, factors, shared, stream);
  } else {
    launch<false>(layer, factors, shared, stream);
  }
}

}  // namespace finepune::cuda
