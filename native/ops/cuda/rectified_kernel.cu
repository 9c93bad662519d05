#include "ops/cuda/rectified_kernel.h"

#include <algorithm>

#include "ops/cuda/launch.h"
#include "ops/cuda/packs.cuh"
#include "ops/cuda/pooled_largest.cuh"
#include "ops/cuda/row_sums_kernel.h"

namespace finepune::cuda {

namespace {

constexpr int kThreads = 256;
constexpr int kColumns = 32;
constexpr int64_t kMostBlocks = 65535;
// Blocks that share the pixels of a sum: two to four for each multiprocessor of a large GPU.
constexpr int64_t kMostPartials = 320;

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
  launch_row_sums({Element::float32, scratch, partials, shape.channels}, bias_gradient, stream);
}

}  // namespace finepune::cuda
