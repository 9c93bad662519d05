// Pooling by windows of 3 x 3 cells in steps of 2, as most networks have it: the loads of a thread do not wait for each
// other, and indices have 32 bits.
#pragma once

#include <algorithm>
#include <cstdint>

#include "ops/cuda/division.cuh"
#include "ops/cuda/packs.cuh"
#include "ops/cuda/pooled_largest.cuh"
#include "ops/pool_grid.h"

namespace finepune::cuda {

constexpr int kPoolThreads = 256;

// An array [images][rows][columns][packs] with a thread for each pack.
struct PoolThreads {
  ArrayDivisors divisors;
  int64_t count;
};

inline PoolThreads pool_threads(int64_t images, int64_t rows, int64_t columns, int64_t row_packs) {
  return {{divisor_of(rows), divisor_of(columns), divisor_of(row_packs)}, images * rows * columns * row_packs};
}

// Squares of 2 x 2 input places, (2 y - pad_top, 2 x - pad_left) the first of each, that cover one side of the input.
inline int64_t pool_squares(int64_t inputs, int64_t pad) { return (inputs - 1 + pad) / 2 - pad / 2 + 1; }

inline bool is_pooled_3x3(const PoolGrid& grid) {
  return grid.kernel_height == 3 && grid.kernel_width == 3 && grid.stride_height == 2 && grid.stride_width == 2 &&
         grid.pad_top >= 0 && grid.pad_left >= 0 && std::min(grid.height, grid.width) > 0 &&
         std::min(grid.output_height, grid.output_width) > 0;
}

// Whether 32 bits hold the indices of all packs and threads.
inline bool fits_pooled_3x3(const PoolGrid& grid, int64_t images, int64_t row_packs) {
  const int64_t inputs = int64_t{grid.height} * grid.width, outputs = int64_t{grid.output_height} * grid.output_width;
  const int64_t squares = pool_squares(grid.height, grid.pad_top) * pool_squares(grid.width, grid.pad_left);
  return images * row_packs * std::max({inputs, outputs, squares}) < (int64_t{1} << 31) - kPoolThreads;
}

__device__ inline int clamped(int place, int count) { return min(max(place, 0), count - 1); }

template <typename T, int kCount>
__global__ void __launch_bounds__(kPoolThreads)
    pool_3x3_kernel(const PoolGrid grid, const PoolThreads threads, const T* __restrict__ sums, const PoolFinish finish,
                    T* __restrict__ values, uint8_t* __restrict__ places) {
  const uint32_t index = blockIdx.x * kPoolThreads + threadIdx.x;
  if (index >= threads.count) return;
  const ArrayPlace at = place_of(index, threads.divisors);
  const int row_packs = static_cast<int>(threads.divisors.entries.value);
  const int top = at.row * 2 - grid.pad_top, left = at.column * 2 - grid.pad_left;
  Pack<T, kCount> cells[9];
#pragma unroll
  for (int cell = 0; cell < 9; ++cell) {
    // Of a cell outside, some other one is read and not taken.
    const int line = at.image * grid.height + clamped(top + cell / 3, grid.height);
    cells[cell] = load<kCount>(sums, (line * grid.width + clamped(left + cell % 3, grid.width)) * row_packs + at.entry);
  }
  Largest<kCount> largest = none_yet<kCount>();
#pragma unroll
  for (int cell = 0; cell < 9; ++cell) {
    const int y = top + cell / 3, x = left + cell % 3;
    take(largest, cells[cell], cell, (y >= 0) & (y < grid.height) & (x >= 0) & (x < grid.width));
  }
  write(largest, finish, at.entry * kCount, index, values, places);
}

// The pooled values whose windows hold a place of a square: the windows that begin at the square, above it, before it and
// both.
template <typename T, int kCount>
struct SquareWindows {
  Pack<T, kCount> gradients[2][2];
  Pack<uint8_t, kCount> found[2][2];
};

template <typename T, int kCount>
__device__ inline SquareWindows<T, kCount> windows_at(const PoolGrid& grid, const ArrayPlace& at, int row_packs,
                                                      const T* gradients, const uint8_t* places) {
  SquareWindows<T, kCount> windows;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const int y = at.row - 1 + i / 2, x = at.column - 1 + i % 2;
    const int line = at.image * grid.output_height + clamped(y, grid.output_height);
    const int from = (line * grid.output_width + clamped(x, grid.output_width)) * row_packs + at.entry;
    windows.gradients[i / 2][i % 2] = load<kCount>(gradients, from);
    Pack<uint8_t, kCount> found = load<kCount>(places, from);
    const bool inside = (y >= 0) & (y < grid.output_height) & (x >= 0) & (x < grid.output_width);
#pragma unroll
    for (int k = 0; k < kCount; ++k) found.values[k] = inside ? found.values[k] : kNowhere;
    windows.found[i / 2][i % 2] = found;
  }
  return windows;
}

// The gradient of place (row, column) of the square.
template <typename T, int kCount>
__device__ inline Pack<T, kCount> gradient_at(const SquareWindows<T, kCount>& windows, int row, int column) {
  float sum[kCount] = {};
#pragma unroll
  for (int y = row; y < 2; ++y) {
#pragma unroll
    for (int x = column; x < 2; ++x) {
      const int cell = (row + 2 - 2 * y) * 3 + column + 2 - 2 * x;
#pragma unroll
      for (int k = 0; k < kCount; ++k) {
        if (windows.found[y][x].values[k] == cell) sum[k] += as_float(windows.gradients[y][x].values[k]);
      }
    }
  }
  Pack<T, kCount> pack;
#pragma unroll
  for (int k = 0; k < kCount; ++k) set(pack.values[k], sum[k]);
  return pack;
}

// A thread has a square: each window is read by four threads, not by nine.
template <typename T, int kCount>
__global__ void __launch_bounds__(kPoolThreads)
    pool_3x3_backward_kernel(const PoolGrid grid, const PoolThreads threads, const T* __restrict__ gradients,
                             const uint8_t* __restrict__ places, T* __restrict__ result) {
  const uint32_t index = blockIdx.x * kPoolThreads + threadIdx.x;
  if (index >= threads.count) return;
  ArrayPlace at = place_of(index, threads.divisors);
  // Squares that padding fills have no threads.
  at.row += grid.pad_top / 2;
  at.column += grid.pad_left / 2;
  const int row_packs = static_cast<int>(threads.divisors.entries.value);
  const SquareWindows<T, kCount> windows = windows_at<T, kCount>(grid, at, row_packs, gradients, places);
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const Pack<T, kCount> gradient = gradient_at(windows, i / 2, i % 2);
    const int y = at.row * 2 + i / 2 - grid.pad_top, x = at.column * 2 + i % 2 - grid.pad_left;
    if (y < 0 || y >= grid.height || x < 0 || x >= grid.width) continue;
    store(result, ((at.image * grid.height + y) * grid.width + x) * row_packs + at.entry, gradient);
  }
}

}  // namespace finepune::cuda
