// One launch for many layers: a table of layers as kernel argument, of which each block takes a piece of one layer.
#pragma once

#include <cstdint>

#include "ops/cuda/alignment.h"

namespace finepune::cuda {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
// Entries of a layer that a block takes: a multiple of all threads' vectors, so that every block starts on one. Small
// enough that the last blocks of a launch share out evenly, large enough that finding its layer costs a block nothing.
constexpr int64_t kBlockEntries = 8192;
// Every driver takes arguments up to this size.
constexpr size_t kArgumentBytes = 4096;

// A layer as the kernels see it. `first_block`: number of the launch's first block that works on it.
template <typename Layer>
struct Row {
  Layer layer;
  int first_block;
  // Whether every address lies on a vector of four entries.
  bool aligned;
};

// The row of block `block`, of `count` rows in ascending order of first_block, the first of which is 0.
template <typename Layer>
__device__ inline const Row<Layer>& row_of(const Row<Layer>* rows, int count, int block) {
  int first = 0;
  int last = count - 1;
  while (first < last) {
    const int middle = (first + last + 1) / 2;
    if (rows[middle].first_block <= block) {
      first = middle;
    } else {
      last = middle - 1;
    }
  }
  return rows[first];
}

// Entries [begin, end) of a block's layer; those before `vectors_end` can be taken four at a time.
struct Span {
  int64_t begin, vectors_end, end;
};

template <typename Layer>
__device__ inline Span span_of(const Row<Layer>& row, int block) {
  const int64_t begin = static_cast<int64_t>(block - row.first_block) * kBlockEntries;
  const int64_t left = row.layer.count - begin;
  const int64_t length = left < kBlockEntries ? left : kBlockEntries;
  return {begin, row.aligned ? begin + length / 4 * 4 : begin, begin + length};
}

// Adds the sum of `value` over the block to `*total`. Every thread of the block must call it, at most once in a kernel.
__device__ inline void add_over_block(int value, int64_t* total) {
  __shared__ int sums[kWarps];
  for (int offset = 16; offset > 0; offset /= 2) value += __shfl_down_sync(0xffffffffu, value, offset);
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  if (lane == 0) sums[warp] = value;
  __syncthreads();
  if (warp != 0) return;
  int sum = lane < kWarps ? sums[lane] : 0;
  for (int offset = 16; offset > 0; offset /= 2) sum += __shfl_down_sync(0xffffffffu, sum, offset);
  // Two's complement: adding a negative number as an unsigned one subtracts.
  if (lane == 0 && sum != 0) {
    atomicAdd(reinterpret_cast<unsigned long long*>(total), static_cast<unsigned long long>(static_cast<long long>(sum)));
  }
}

// Shares `layers` out over launches: calls launch(rows, count, blocks) for up to kRows rows at a time. Layers without
// entries are left out. `aligned`: layer -> bool.
template <int kRows, typename Layers, typename Aligned, typename Launch>
void launch_rows(const Layers& layers, const Aligned& aligned, const Launch& launch) {
  using Layer = typename Layers::value_type;
  Row<Layer> rows[kRows];
  int count = 0;
  int blocks = 0;
  for (const Layer& layer : layers) {
    if (layer.count == 0) continue;
    if (count == kRows) {
      launch(rows, count, blocks);
      count = blocks = 0;
    }
    rows[count++] = {layer, blocks, aligned(layer)};
    blocks += static_cast<int>((layer.count + kBlockEntries - 1) / kBlockEntries);
  }
  if (count > 0) launch(rows, count, blocks);
}

}  // namespace finepune::cuda
