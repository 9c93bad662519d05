#include "ops/cuda/folded_kernel.h"

#include <algorithm>

#include "ops/cuda/element.cuh"
#include "ops/cuda/launch.h"

namespace finepune::cuda {

namespace {

constexpr int kThreads = 256;
constexpr int64_t kMostBlocks = 65535;

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

}  // namespace

void launch_fold(const FoldJob& job, cudaStream_t stream) {
  const int64_t rows = job.images * job.block_rows;
  if (rows == 0) return;
  const auto blocks = static_cast<unsigned>(std::min(kMostBlocks, rows));
  if (job.element == Element::float32) {
    fold_kernel<float><<<blocks, kThreads, 0, stream>>>(job);
  } else {
    fold_kernel<__nv_bfloat16><<<blocks, kThreads, 0, stream>>>(job);
  }
  check_launch("folding");
}

}  // namespace finepune::cuda
