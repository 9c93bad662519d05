#include "ops/cuda/rectified_kernel.h"

#include <algorithm>

#include "ops/cuda/element.cuh"
#include "ops/cuda/launch.h"

namespace finepune::cuda {

namespace {

constexpr int kThreads = 256;
constexpr int kColumns = 32;
constexpr int64_t kMostBlocks = 65535;
// Blocks that share the pixels of a sum: two to four for each multiprocessor of a large GPU.
constexpr int64_t kMostPartials = 320;
constexpr uint8_t kNowhere = 255;

// Neighbouring channels of one pixel, read and written at once.
template <typename T, int kCount>
struct alignas(sizeof(T) * kCount) Pack {
  T values[kCount];
};

template <int kCount, typename T>
__device__ inline Pack<T, kCount> load(const T* from, int64_t index) {
  return reinterpret_cast<const Pack<T, kCount>*>(from)[index];
}

template <typename T, int kCount>
__device__ inline void store(T* to, int64_t index, const Pack<T, kCount>& pack) {
  reinterpret_cast<Pack<T, kCount>*>(to)[index] = pack;
}

// A NaN stays.
__device__ inline float rectified(float value) { return value <= 0.0f ? 0.0f : value; }

template <typename T, int kCount>
__global__ void __launch_bounds__(kThreads) rectify_kernel(T* sums, const float* bias, int64_t packs, int row_packs) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < packs; i += step) {
    Pack<T, kCount> pack = load<kCount>(sums, i);
    const int channel = static_cast<int>(i % row_packs) * kCount;
#pragma unroll
    for (int k = 0; k < kCount; ++k) {
      const float shift = bias == nullptr ? 0.0f : bias[channel + k];
      set(pack.values[k], rectified(as_float(pack.values[k]) + shift));
    }
    store(sums, i, pack);
  }
}

// Each block has `blockDim.x` packs of channels of every gridDim.y-th group of blockDim.y pixels.
template <typename T, int kCount>
__global__ void __launch_bounds__(kThreads)
    keep_kernel(const T* gradients, const T* outputs, const uint8_t* places, T* result, float* partials, int64_t pixels,
                int row_packs) {
  __shared__ float sums[kThreads * kCount];
  const int column = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  float total[kCount] = {};
  if (column < row_packs) {
    const int64_t step = static_cast<int64_t>(gridDim.y) * blockDim.y;
    for (int64_t pixel = static_cast<int64_t>(blockIdx.y) * blockDim.y + threadIdx.y; pixel < pixels; pixel += step) {
      const int64_t i = pixel * row_packs + column;
      Pack<T, kCount> gradient = load<kCount>(gradients, i);
      if (outputs != nullptr) {
        const Pack<T, kCount> output = load<kCount>(outputs, i);
#pragma unroll
        for (int k = 0; k < kCount; ++k) {
          if (as_float(output.values[k]) <= 0.0f) set(gradient.values[k], 0.0f);
        }
      } else {
        const Pack<uint8_t, kCount> place = load<kCount>(places, i);
#pragma unroll
        for (int k = 0; k < kCount; ++k) {
          if (place.values[k] == kNowhere) set(gradient.values[k], 0.0f);
        }
      }
      if (result != nullptr) store(result, i, gradient);
#pragma unroll
      for (int k = 0; k < kCount; ++k) total[k] += as_float(gradient.values[k]);
    }
  }
  if (partials == nullptr) return;
  const int thread = static_cast<int>(threadIdx.y * blockDim.x + threadIdx.x);
#pragma unroll
  for (int k = 0; k < kCount; ++k) sums[thread * kCount + k] = total[k];
  __syncthreads();
  if (threadIdx.y != 0 || column >= row_packs) return;
  for (unsigned row = 1; row < blockDim.y; ++row) {
#pragma unroll
    for (int k = 0; k < kCount; ++k) total[k] += sums[(row * blockDim.x + threadIdx.x) * kCount + k];
  }
  float* to = partials + (static_cast<int64_t>(blockIdx.y) * row_packs + column) * kCount;
#pragma unroll
  for (int k = 0; k < kCount; ++k) to[k] = total[k];
}

// totals[c] = the sum of partials[i][c] over i, in one order.
__global__ void __launch_bounds__(kThreads) add_partials(const float* partials, int count, int channels, float* totals) {
  constexpr int kRows = kThreads / kColumns;
  __shared__ float sums[kRows][kColumns];
  const int channel = static_cast<int>(blockIdx.x) * kColumns + static_cast<int>(threadIdx.x);
  float sum = 0.0f;
  if (channel < channels) {
    for (int i = static_cast<int>(threadIdx.y); i < count; i += kRows) {
      sum += partials[static_cast<int64_t>(i) * channels + channel];
    }
  }
  sums[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0 || channel >= channels) return;
  for (int row = 1; row < kRows; ++row) sum += sums[row][threadIdx.x];
  totals[channel] = sum;
}

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
    pool_kernel(const PoolGrid grid, int64_t images, int row_packs, const T* sums, const float* bias, bool rectify,
                T* values, uint8_t* places) {
  const int place = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
  if (place >= grid.output_width * row_packs) return;
  for (int64_t row = blockIdx.y; row < images * grid.output_height; row += gridDim.y) {
    const RowItem item = item_of(row, grid.output_height, place, row_packs);
    const int top = item.y * grid.stride_height - grid.pad_top;
    const int left = item.x * grid.stride_width - grid.pad_left;
    float best[kCount];
    Pack<uint8_t, kCount> found;
#pragma unroll
    for (int k = 0; k < kCount; ++k) {
      best[k] = -INFINITY;
      found.values[k] = kNowhere;
    }
    for (int i = 0; i < grid.kernel_height; ++i) {
      const int y = top + i;
      if (y < 0 || y >= grid.height) continue;
      for (int j = 0; j < grid.kernel_width; ++j) {
        const int x = left + j;
        if (x < 0 || x >= grid.width) continue;
        const int64_t pixel = (item.image * grid.height + y) * grid.width + x;
        const Pack<T, kCount> pack = load<kCount>(sums, pixel * row_packs + item.pack);
        const auto cell = static_cast<uint8_t>(i * grid.kernel_width + j);
#pragma unroll
        for (int k = 0; k < kCount; ++k) {
          const float value = as_float(pack.values[k]);
          // The first of equals, and a NaN before all.
          if (found.values[k] == kNowhere || value > best[k] || value != value) {
            best[k] = value;
            found.values[k] = cell;
          }
        }
      }
    }
    Pack<T, kCount> pooled;
#pragma unroll
    for (int k = 0; k < kCount; ++k) {
      // Adding a constant and rounding keep the order: the largest sum gives the largest value.
      float value = best[k] + (bias == nullptr ? 0.0f : bias[item.pack * kCount + k]);
      if (rectify && value <= 0.0f) {
        value = 0.0f;
        found.values[k] = kNowhere;
      }
      set(pooled.values[k], value);
    }
    const int64_t to = (row * grid.output_width + item.x) * row_packs + item.pack;
    store(values, to, pooled);
    store(places, to, found);
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

template <typename T>
constexpr int kPacked = 16 / static_cast<int>(sizeof(T));

// Calls call(T{}, packed<n>) with the element type, and with how many channels are taken at once.
template <int kCount>
struct Packed {
  static constexpr int count = kCount;
};

template <typename Call>
void dispatch(const ActivationShape& shape, const Call& call) {
  if (shape.element == Element::float32) {
    if (shape.channels % kPacked<float> == 0) return call(float{}, Packed<kPacked<float>>{});
    return call(float{}, Packed<1>{});
  }
  if (shape.channels % kPacked<__nv_bfloat16> == 0) return call(__nv_bfloat16{}, Packed<kPacked<__nv_bfloat16>>{});
  return call(__nv_bfloat16{}, Packed<1>{});
}

dim3 row_blocks(int64_t packs, int64_t rows) {
  return {static_cast<unsigned>((packs + kThreads - 1) / kThreads), static_cast<unsigned>(std::min(rows, kMostBlocks))};
}

}  // namespace

void launch_rectify(const ActivationShape& shape, int64_t pixels, void* sums, const float* bias, cudaStream_t stream) {
  if (pixels == 0 || shape.channels == 0) return;
  dispatch(shape, [&](auto element, auto packed) {
    using T = decltype(element);
    constexpr int count = decltype(packed)::count;
    const int row_packs = shape.channels / count;
    const int64_t packs = pixels * row_packs;
    const auto blocks = static_cast<unsigned>(std::min(kMostBlocks, (packs + kThreads - 1) / kThreads));
    rectify_kernel<T, count><<<blocks, kThreads, 0, stream>>>(static_cast<T*>(sums), bias, packs, row_packs);
  });
  check_launch("rectifier");
}

int32_t partial_sums(int64_t pixels, int32_t channels) {
  if (pixels == 0 || channels == 0) return 0;
  // A block has four rows of pixels at least; each thread is to have a few.
  return static_cast<int32_t>(std::min(kMostPartials, (pixels + 31) / 32));
}

void launch_keep_gradients(const ActivationShape& shape, int64_t pixels, const KeptGradients& kept, float* scratch,
                           float* bias_gradient, cudaStream_t stream) {
  if (shape.channels == 0) return;
  const int32_t partials = partial_sums(pixels, shape.channels);
  if (partials > 0) {
    dispatch(shape, [&](auto element, auto packed) {
      using T = decltype(element);
      constexpr int count = decltype(packed)::count;
      const int row_packs = shape.channels / count;
      const int columns = std::min(kColumns, row_packs);
      const dim3 blocks{static_cast<unsigned>((row_packs + columns - 1) / columns), static_cast<unsigned>(partials)};
      const dim3 threads{static_cast<unsigned>(columns), static_cast<unsigned>(kThreads / columns)};
      keep_kernel<T, count><<<blocks, threads, 0, stream>>>(
          static_cast<const T*>(kept.gradients), static_cast<const T*>(kept.outputs), kept.places,
          static_cast<T*>(kept.result), scratch, pixels, row_packs);
    });
    check_launch("kept gradients");
  }
  if (bias_gradient == nullptr) return;
  const auto blocks = static_cast<unsigned>((shape.channels + kColumns - 1) / kColumns);
  add_partials<<<blocks, dim3{kColumns, kThreads / kColumns}, 0, stream>>>(scratch, partials, shape.channels,
                                                                          bias_gradient);
  check_launch("sums of gradients");
}

void launch_pool(const ActivationShape& shape, const PoolGrid& grid, const void* sums, const float* bias, bool rectify,
                 void* values, uint8_t* places, cudaStream_t stream) {
  const int64_t rows = shape.images * grid.output_height;
  if (rows == 0 || shape.channels == 0) return;
  dispatch(shape, [&](auto element, auto packed) {
    using T = decltype(element);
    constexpr int count = decltype(packed)::count;
    const int row_packs = shape.channels / count;
    pool_kernel<T, count><<<row_blocks(int64_t{grid.output_width} * row_packs, rows), kThreads, 0, stream>>>(
        grid, shape.images, row_packs, static_cast<const T*>(sums), bias, rectify, static_cast<T*>(values), places);
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
    pool_backward_kernel<T, count><<<row_blocks(int64_t{grid.width} * row_packs, rows), kThreads, 0, stream>>>(
        grid, shape.images, row_packs, static_cast<const T*>(gradients), places, static_cast<T*>(result));
  });
  check_launch("pooling backward");
}

}  // namespace finepune::cuda
