#include "ops/cuda/row_sums_kernel.h"

#include "ops/cuda/element.cuh"
#include "ops/cuda/launch.h"

namespace finepune::cuda {

namespace {

constexpr int kColumns = 32;
// Rows that are read at once: few columns are many loads under way all the same.
constexpr int kRows = 32;

template <typename T>
__global__ void __launch_bounds__(kColumns* kRows)
    row_sums_kernel(const T* rows, int64_t count, int64_t columns, float* totals) {
  __shared__ float sums[kRows][kColumns];
  const int64_t column = static_cast<int64_t>(blockIdx.x) * kColumns + threadIdx.x;
  float sum = 0.0f;
  if (column < columns) {
#pragma unroll 4
    for (int64_t i = threadIdx.y; i < count; i += kRows) sum += as_float(rows[i * columns + column]);
  }
  sums[threadIdx.y][threadIdx.x] = sum;
  for (unsigned half = kRows / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.y < half) sums[threadIdx.y][threadIdx.x] += sums[threadIdx.y + half][threadIdx.x];
  }
  // Each thread of the first row has added up its own column.
  if (threadIdx.y == 0 && column < columns) totals[column] = sums[0][threadIdx.x];
}

// Up to so many rows a thread adds up a column alone.
constexpr int64_t kFewRows = 16;
constexpr int kThreads = 256;

template <typename T>
__global__ void __launch_bounds__(kThreads)
    few_row_sums_kernel(const T* rows, int count, int64_t columns, float* totals) {
  const int64_t column = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (column >= columns) return;
  float sum = 0.0f;
#pragma unroll 4
  for (int i = 0; i < count; ++i) sum += as_float(rows[i * columns + column]);
  totals[column] = sum;
}

template <typename T>
void launch(const RowSums& job, float* sums, cudaStream_t stream) {
  const T* rows = static_cast<const T*>(job.rows);
  if (job.count <= kFewRows) {
    const auto blocks = static_cast<unsigned>((job.columns + kThreads - 1) / kThreads);
    few_row_sums_kernel<T><<<blocks, kThreads, 0, stream>>>(rows, static_cast<int>(job.count), job.columns, sums);
    return;
  }
  const auto blocks = static_cast<unsigned>((job.columns + kColumns - 1) / kColumns);
  row_sums_kernel<T><<<blocks, dim3{kColumns, kRows}, 0, stream>>>(rows, job.count, job.columns, sums);
}

}  // namespace

void launch_row_sums(const RowSums& job, float* sums, cudaStream_t stream) {
  if (job.columns == 0) return;
  if (job.element == Element::float32) {
    launch<float>(job, sums, stream);
  } else {
    launch<__nv_bfloat16>(job, sums, stream);
  }
  check_launch("sums over rows");
}

}  // namespace finepune::cuda
