// The largest values of pooling windows while their cells go by, and how they are written.
#pragma once

#include <cstdint>

#include "ops/cuda/packs.cuh"
#include "ops/pool_places.h"

namespace finepune::cuda {

// Of a window, in `kCount` neighbouring channels.
template <int kCount>
struct Largest {
  float values[kCount];
  uint8_t cells[kCount];
  bool none;
};

template <int kCount>
__device__ inline Largest<kCount> none_yet() {
  Largest<kCount> largest;
  largest.none = true;
#pragma unroll
  for (int k = 0; k < kCount; ++k) {
    largest.values[k] = -INFINITY;
    largest.cells[k] = kNowhere;
  }
  return largest;
}

// Cells come in ascending order; one that is not `inside` changes nothing. Without a branch, so that the loads of all cells
// can be under way at once.
template <typename T, int kCount>
__device__ inline void take(Largest<kCount>& largest, const Pack<T, kCount>& pack, int cell, bool inside) {
#pragma unroll
  for (int k = 0; k < kCount; ++k) {
    const float value = as_float(pack.values[k]);
    // The first of equals, and a NaN before all.
    const bool better = inside & (largest.none | (value > largest.values[k]) | (value != value));
    largest.values[k] = better ? value : largest.values[k];
    largest.cells[k] = better ? static_cast<uint8_t>(cell) : largest.cells[k];
  }
  largest.none &= !inside;
}

struct PoolFinish {
  const float* bias;
  bool rectify;
};

// Writes pack `to` of `values` and `places`, whose first channel is `channel`.
template <typename T, int kCount>
__device__ inline void write(const Largest<kCount>& largest, const PoolFinish& finish, int channel, int64_t to, T* values,
                             uint8_t* places) {
  Pack<T, kCount> pooled;
  Pack<uint8_t, kCount> found;
#pragma unroll
  for (int k = 0; k < kCount; ++k) {
    // Adding a constant and rounding keep the order: the largest sum gives the largest value.
    const float value = largest.values[k] + (finish.bias == nullptr ? 0.0f : finish.bias[channel + k]);
    const bool cut = finish.rectify && value <= 0.0f;
    set(pooled.values[k], cut ? 0.0f : value);
    found.values[k] = cut ? kNowhere : largest.cells[k];
  }
  store(values, to, pooled);
  store(places, to, found);
}

}  // namespace finepune::cuda
