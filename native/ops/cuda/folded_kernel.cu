#include "ops/cuda/folded_kernel.h"

#include <algorithm>

#include "ops/cuda/division.cuh"
#include "ops/cuda/launch.h"
#include "ops/cuda/packs.cuh"

namespace finepune::cuda {

namespace {

constexpr int kThreads = 256;
constexpr int64_t kMostBlocks = 65535;
// Values that one thread of fold_runs_kernel writes.
constexpr int kTaken = 4;

// A block of threads takes rows of folded pixels, one value a thread: neighbours read neighbours, but for the ends of runs.
template <typename T>
__global__ void __launch_bounds__(kThreads) fold_kernel(const FoldJob job) {
  const int row_values = job.block_columns * job.folded_channels;
  const int run = job.stride * job.channels;
  for (int64_t row = blockIdx.x; row < job.images * job.block_rows; row += gridDim.x) {
    const int64_t image = row / job.block_rows;
    const int top = static_cast<int>(row % job.block_rows) * job.stride - job.top;
    T* to = static_cast<T*>(job.folded) + row * row_values;
    for (int i = static_cast<int>(threadIdx.x); i < row_values; i += kThreads) {
      const int value = i % job.folded_channels;
      const int y = top + value / run;
      const int x = i / job.folded_channels * job.stride - job.left + value % run / job.channels;
      const bool inside = value < run * job.stride && y >= 0 && y < job.height && x >= 0 && x < job.width;
      const int64_t pixel = (image * job.height + y) * job.width + x;
      set(to[i], inside ? job.pixels[pixel * job.channels + value % job.channels] : 0.0f);
    }
  }
}

// As fold_kernel with the block's size known, and no zeros behind the block's values: a thread takes neighbouring values of
// one of its runs, which are neighbours in the image too.
template <typename T, int kStride, int kChannels>
__global__ void __launch_bounds__(kThreads)
    fold_runs_kernel(const FoldJob job, const float* __restrict__ pixels, T* __restrict__ folded,
                     const ArrayDivisors divisors, int64_t packs) {
  constexpr int kRunPacks = kStride * kChannels / kTaken;
  const uint32_t index = blockIdx.x * kThreads + threadIdx.x;
  if (index >= packs) return;
  const ArrayPlace at = place_of(index, divisors);
  const int y = at.row * kStride - job.top + at.entry / kRunPacks;
  const int first = (at.column * kStride - job.left) * kChannels + at.entry % kRunPacks * kTaken;
  const int row_values = job.width * kChannels;
  const bool row_inside = y >= 0 && y < job.height;
  const float* row = pixels + (row_inside ? (at.image * job.height + y) * row_values : 0);
  Pack<T, kTaken> pack;
#pragma unroll
  for (int k = 0; k < kTaken; ++k) {
    // Of a value outside, some other one is read: no load waits behind a branch.
    const float value = row[min(max(first + k, 0), row_values - 1)];
    const bool inside = row_inside && first + k >= 0 && first + k < row_values;
    set(pack.values[k], inside ? value : 0.0f);
  }
  store(folded, index, pack);
}

// AlexNet's first layer.
constexpr int kRunStride = 4, kRunChannels = 3;

// Whether fold_runs_kernel takes the job: 32 bits hold all indices, and there are pixels.
bool fits_runs(const FoldJob& job) {
  constexpr int64_t most = int64_t{1} << 30;
  const int64_t pixels = job.images * job.height * job.width;
  const int64_t blocks = job.images * job.block_rows * job.block_columns;
  return job.stride == kRunStride && job.channels == kRunChannels &&
         job.folded_channels == kRunStride * kRunStride * kRunChannels && pixels > 0 &&
         pixels * job.channels < most && blocks * job.folded_channels < most &&
         reinterpret_cast<uintptr_t>(job.folded) % (kTaken * sizeof(float)) == 0;
}

template <typename T>
void fold_as(const FoldJob& job, cudaStream_t stream) {
  const int64_t rows = job.images * job.block_rows;
  if (!fits_runs(job)) {
    const auto blocks = static_cast<unsigned>(std::min(kMostBlocks, rows));
    fold_kernel<T><<<blocks, kThreads, 0, stream>>>(job);
    return;
  }
  const int block_packs = job.folded_channels / kTaken;
  const int64_t packs = rows * job.block_columns * block_packs;
  const ArrayDivisors divisors{divisor_of(job.block_rows), divisor_of(job.block_columns), divisor_of(block_packs)};
  const auto blocks = static_cast<unsigned>((packs + kThreads - 1) / kThreads);
  fold_runs_kernel<T, kRunStride, kRunChannels>
      <<<blocks, kThreads, 0, stream>>>(job, job.pixels, static_cast<T*>(job.folded), divisors, packs);
}

}  // namespace

void launch_fold(const FoldJob& job, cudaStream_t stream) {
  if (job.images * job.block_rows * job.block_columns == 0) return;
  if (job.element == Element::float32) {
    fold_as<float>(job, stream);
  } else {
    fold_as<__nv_bfloat16>(job, stream);
  }
  check_launch("folding");
}

}  // namespace finepune::cuda
