#include "ops/cuda/pooled_kernel.h"

#include <algorithm>

#include "ops/cuda/launch.h"
#include "ops/cuda/packs.cuh"
#include "ops/cuda/pooled_3x3.cuh"
#include "ops/cuda/pooled_largest.cuh"

namespace finepune::cuda {

namespace {

constexpr int kThreads = 256;
constexpr int64_t kMostBlocks = 65535;

// Blocks share the packs of a row in x, and the rows of all images in y.
struct RowItem {
  int64_t image;
  int y, x, pack;
};

__device__ inline RowItem item_of(int64_t row, int height, int place, int row_packs) {
  return {row / height, static_cast<int>(row % height), place / row_packs, place % row_packs};
}

template <typename T, int kCount>
__global__ void __launch_bounds__(kThreads)
    pool_kernel(const PoolGrid grid, int64_t images, int row_packs, const T* sums, const PoolFinish finish, T* values,
                uint8_t* places) {
  const int place = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
  if (place >= grid.output_width * row_packs) return;
  for (int64_t row = blockIdx.y; row < images * grid.output_height; row += gridDim.y) {
    const RowItem item = item_of(row, grid.output_height, place, row_packs);
    const int top = item.y * grid.stride_height - grid.pad_top;
    const int left = item.x * grid.stride_width - grid.pad_left;
    Largest<kCount> largest = none_yet<kCount>();
    for (int i = 0; i < grid.kernel_height; ++i) {
      const int y = top + i;
      if (y < 0 || y >= grid.height) continue;
      for (int j = 0; j < grid.kernel_width; ++j) {
        const int x = left + j;
        if (x < 0 || x >= grid.width) continue;
        const int64_t pixel = (item.image * grid.height + y) * grid.width + x;
        take(largest, load<kCount>(sums, pixel * row_packs + item.pack), i * grid.kernel_width + j, true);
      }
    }
    const int64_t to = (row * grid.output_width + item.x) * row_packs + item.pack;
    write(largest, finish, item.pack * kCount, to, values, places);
  }
}

// The first and the last output place whose window holds input place `place`; none where last < first.
__device__ inline void windows_of(int place, int kernel, int stride, int pad, int outputs, int& first, int& last) {
  const int begin = place + pad - kernel + 1;
  first = begin <= 0 ? 0 : (begin + stride - 1) / stride;
  last = min((place + pad) / stride, outputs - 1);
}

template <typename T, int kCount>
__global__ void __launch_bounds__(kThreads)
    pool_backward_kernel(const PoolGrid grid, int64_t images, int row_packs, const T* gradients, const uint8_t* places,
                         T* result) {
  const int place = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
  if (place >= grid.width * row_packs) return;
  for (int64_t row = blockIdx.y; row < images * grid.height; row += gridDim.y) {
    const RowItem item = item_of(row, grid.height, place, row_packs);
    int first_y, last_y, first_x, last_x;
    windows_of(item.y, grid.kernel_height, grid.stride_height, grid.pad_top, grid.output_height, first_y, last_y);
    windows_of(item.x, grid.kernel_width, grid.stride_width, grid.pad_left, grid.output_width, first_x, last_x);
    float sum[kCount] = {};
    for (int y = first_y; y <= last_y; ++y) {
      const int cell_row = item.y + grid.pad_top - y * grid.stride_height;
      for (int x = first_x; x <= last_x; ++x) {
        const int cell = cell_row * grid.kernel_width + item.x + grid.pad_left - x * grid.stride_width;
        const int64_t window = ((item.image * grid.output_height + y) * grid.output_width + x) * row_packs + item.pack;
        const Pack<uint8_t, kCount> found = load<kCount>(places, window);
        const Pack<T, kCount> gradient = load<kCount>(gradients, window);
#pragma unroll
        for (int k = 0; k < kCount; ++k) {
          if (found.values[k] == cell) sum[k] += as_float(gradient.values[k]);
        }
      }
    }
    Pack<T, kCount> pack;
#pragma unroll
    for (int k = 0; k < kCount; ++k) set(pack.values[k], sum[k]);
    store(result, (row * grid.width + item.x) * row_packs + item.pack, pack);
  }
}

dim3 row_blocks(int64_t packs, int64_t rows) {
  return {static_cast<unsigned>((packs + kThreads - 1) / kThreads), static_cast<unsigned>(std::min(rows, kMostBlocks))};
}

unsigned blocks_of(const PoolThreads& threads) {
  return static_cast<unsigned>((threads.count + kPoolThreads - 1) / kPoolThreads);
}

}  // namespace

void launch_pool(const ActivationShape& shape, const PoolGrid& grid, const void* sums, const float* bias, bool rectify,
                 void* values, uint8_t* places, cudaStream_t stream) {
  const int64_t rows = shape.images * grid.output_height;
  if (rows == 0 || shape.channels == 0) return;
  const PoolFinish finish{bias, rectify};
  dispatch(shape, [&](auto element, auto packed) {
    using T = decltype(element);
    constexpr int count = decltype(packed)::count;
    const int row_packs = shape.channels / count;
    const auto* from = static_cast<const T*>(sums);
    auto* to = static_cast<T*>(values);
    if (is_pooled_3x3(grid) && fits_pooled_3x3(grid, shape.images, row_packs)) {
      const PoolThreads threads = pool_threads(shape.images, grid.output_height, grid.output_width, row_packs);
      pool_3x3_kernel<T, count>
          <<<blocks_of(threads), kPoolThreads, 0, stream>>>(grid, threads, from, finish, to, places);
    } else {
      pool_kernel<T, count><<<row_blocks(int64_t{grid.output_width} * row_packs, rows), kThreads, 0, stream>>>(
          grid, shape.images, row_packs, from, finish, to, places);
    }
  });
  check_launch("pooling");
}

void launch_pool_backward(const ActivationShape& shape, const PoolGrid& grid, const void* gradients,
                          const uint8_t* places, void* result, cudaStream_t stream) {
  const int64_t rows = shape.images * grid.height;
  if (rows == 0 || shape.channels == 0) return;
  dispatch(shape, [&](auto element, auto packed) {
    using T = decltype(element);
    constexpr int count = decltype(packed)::count;
    const int row_packs = shape.channels / count;
    const auto* from = static_cast<const T*>(gradients);
    auto* to = static_cast<T*>(result);
    if (is_pooled_3x3(grid) && fits_pooled_3x3(grid, shape.images, row_packs)) {
      const PoolThreads threads = pool_threads(shape.images, pool_squares(grid.height, grid.pad_top),
                                               pool_squares(grid.width, grid.pad_left), row_packs);
      pool_3x3_backward_kernel<T, count>
          <<<blocks_of(threads), kPoolThreads, 0, stream>>>(grid, threads, from, places, to);
    } else {
      pool_backward_kernel<T, count><<<row_blocks(int64_t{grid.width} * row_packs, rows), kThreads, 0, stream>>>(
          grid, shape.images, row_packs, from, places, to);
    }
  });
  check_launch("pooling backward");
}

}  // namespace finepune::cuda
