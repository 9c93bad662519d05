// Maximum pooling on the CPU that keeps a byte a value for its gradient, and rectifies: a pass over memory for each way,
// where a rectifier and libtorch's pooling take five, and keep the pooled values and eight bytes a value.
#pragma once

#include <ATen/core/Tensor.h>

#include "ops/cpu/direct_kernels.h"
#include "ops/pool_grid.h"
#include "ops/rectified_sums.h"

namespace finepune {

// Whether placed_pool takes `values`: float32 on the CPU, whole vectors of channels.
bool has_placed_pool(const at::Tensor& values, const cpu::DirectKernels& kernels);

// The largest of max(value, 0) in each window of `values` [N, C, H, W] in channels_last memory, and its place; without the
// rectifier where `rectify` is false. Windows have at most most_window_cells cells. NaN passes through. The same bits with
// any number of threads and all kernels.
PooledSums placed_pool(const at::Tensor& values, bool rectify, const PoolGrid& grid, const cpu::DirectKernels& kernels);

// Gradient by the values, of that by the pooled ones, float32 in channels_last memory; `places` as placed_pool gave them.
at::Tensor placed_pool_backward(const at::Tensor& gradient, const at::Tensor& places, const PoolGrid& grid,
                                const cpu::DirectKernels& kernels);

// Rows from number `first` on of one image, pixels of `channels` floats, and its pooled values and places from their first
// on, pixels `stride` apart.
struct RowsToPool {
  const float* values;
  int64_t first, channels;
  float* pooled;
  uint8_t* places;
  int64_t stride;
};
struct RowsToFill {
  const float* pooled;
  const uint8_t* places;
  int64_t stride;
  float* gradients;
  int64_t first, channels;
};

// Row `y` of the pooled values and places, and of the gradient, as above.
void pool_row(const RowsToPool& rows, int64_t y, bool rectify, const PoolGrid& grid, const cpu::DirectKernels& kernels);
void pool_row_backward(const RowsToFill& rows, int64_t y, const PoolGrid& grid, const cpu::DirectKernels& kernels);

}  // namespace finepune
