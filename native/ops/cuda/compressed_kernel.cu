#include "ops/cuda/compressed_kernel.h"

#include <algorithm>

#include "ops/cuda/launch.h"

namespace finepune::cuda {

namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
constexpr uint32_t kWholeWarp = 0xffffffffu;
// The second dimension of a grid ends there.
constexpr int64_t kMostGridRows = 65535;
// Up to so many pixels the lanes of a warp share a row's entries, and from so many sums on each lane computes four of
// them, which leaves fewer warps. Set by reasoning: no GPU has measured either.
constexpr int64_t kFewPixels = 8;
constexpr int64_t kManySums = int64_t{1} << 20;

// One warp a row.
__device__ inline int32_t row_of_warp() {
  return static_cast<int32_t>(blockIdx.x) * kWarps + static_cast<int32_t>(threadIdx.x) / 32;
}

__device__ inline int32_t lane() { return static_cast<int32_t>(threadIdx.x) % 32; }

unsigned blocks_for(int32_t rows) { return static_cast<unsigned>((static_cast<int64_t>(rows) + kWarps - 1) / kWarps); }

__global__ void __launch_bounds__(kThreads)
    count_kernel(const float* dense, int32_t rows, int32_t columns, int32_t* counts) {
  const int32_t row = row_of_warp();
  if (row >= rows) return;
  const float* values = dense + static_cast<int64_t>(row) * columns;
  int32_t count = 0;
  for (int32_t column = lane(); column < columns; column += 32) count += values[column] != 0.0f ? 1 : 0;
  for (int offset = 16; offset > 0; offset /= 2) count += __shfl_down_sync(kWholeWarp, count, offset);
  if (lane() == 0) counts[row] = count;
}

__global__ void __launch_bounds__(kThreads) compress_kernel(const float* dense, int32_t rows, int32_t columns,
                                                            const int32_t* starts, int32_t* places, float* values) {
  const int32_t row = row_of_warp();
  if (row >= rows) return;
  const float* from = dense + static_cast<int64_t>(row) * columns;
  int32_t next = starts[row];
  // The bound is the warp's, so that its threads stay together.
  for (int32_t first = 0; first < columns; first += 32) {
    const int32_t column = first + lane();
    const float value = column < columns ? from[column] : 0.0f;
    const uint32_t kept = __ballot_sync(kWholeWarp, value != 0.0f);
    if (value != 0.0f) {
      const int32_t place = next + __popc(kept & ((1u << lane()) - 1));
      places[place] = column;
      values[place] = value;
    }
    next += __popc(kept);
  }
}

__global__ void __launch_bounds__(kThreads) expand_kernel(const CompressedMatrix matrix, float* dense) {
  const int32_t row = row_of_warp();
  if (row >= matrix.rows) return;
  float* to = dense + static_cast<int64_t>(row) * matrix.columns;
  for (int32_t i = matrix.starts[row] + lane(); i < matrix.starts[row + 1]; i += 32) {
    to[matrix.places[i]] = matrix.values[i];
  }
}

__device__ inline const float* first_of(const PixelGrid& grid, const float* input, int64_t pixel) {
  const int64_t x = pixel % grid.width;
  const int64_t y = pixel / grid.width % grid.height;
  const int64_t image = pixel / grid.width / grid.height;
  return input + image * grid.image_step + y * grid.row_step + x * grid.column_step;
}

// What all threads of a product share.
struct Product {
  CompressedMatrix matrix;
  PixelGrid grid;
  int64_t pixels;
  const float* input;
  const float* bias;
  float* output;

  __device__ void write(int64_t pixel, int32_t row, float sum) const {
    output[pixel * matrix.rows + row] = sum + (bias == nullptr ? 0.0f : bias[row]);
  }
};

// For few pixels: the lanes of a warp take its row's entries in turn, for kPixels pixels at a time, and add up their
// sums.
template <int kPixels>
__global__ void __launch_bounds__(kThreads) sum_by_entry_kernel(const Product product) {
  const CompressedMatrix& matrix = product.matrix;
  const int32_t row = row_of_warp();
  if (row >= matrix.rows) return;
  const int32_t begin = matrix.starts[row];
  const int32_t end = matrix.starts[row + 1];
  for (int64_t first = kPixels * static_cast<int64_t>(blockIdx.y); first < product.pixels;
       first += kPixels * static_cast<int64_t>(gridDim.y)) {
    // Past the last pixel the last one is taken again, and its sum left alone.
    const float* from[kPixels];
    for (int i = 0; i < kPixels; ++i) {
      from[i] = first_of(product.grid, product.input, min(first + i, product.pixels - 1));
    }
    float sums[kPixels] = {};
    for (int32_t entry = begin + lane(); entry < end; entry += 32) {
      const float value = matrix.values[entry];
      const int64_t place = matrix.places[entry] * product.grid.place_step;
      for (int i = 0; i < kPixels; ++i) sums[i] = fmaf(value, from[i][place], sums[i]);
    }
    for (int i = 0; i < kPixels; ++i) {
      for (int offset = 16; offset > 0; offset /= 2) sums[i] += __shfl_down_sync(kWholeWarp, sums[i], offset);
      if (lane() == 0 && first + i < product.pixels) product.write(first + i, row, sums[i]);
    }
  }
}

// For many pixels: each lane of a warp takes kVectors of them, 32 apart, and the warp goes through its row's entries,
// which its lanes read 32 at once and hand round. Asked for four blocks a multiprocessor, the compiler spills no
// registers.
template <int kVectors>
__global__ void __launch_bounds__(kThreads, 4) sum_by_pixel_kernel(const Product product) {
  constexpr int64_t kStep = 32 * kVectors;
  const CompressedMatrix& matrix = product.matrix;
  const int32_t row = row_of_warp();
  if (row >= matrix.rows) return;
  const int32_t begin = matrix.starts[row];
  const int32_t end = matrix.starts[row + 1];
  const auto place_step = static_cast<int32_t>(product.grid.place_step);
  for (int64_t first = kStep * blockIdx.y; first < product.pixels; first += kStep * gridDim.y) {
    const float* from[kVectors];
    for (int i = 0; i < kVectors; ++i) {
      from[i] = first_of(product.grid, product.input, min(first + 32 * i + lane(), product.pixels - 1));
    }
    float sums[kVectors] = {};
    // The bounds are the warp's, so that its threads stay together.
    for (int32_t group = begin; group < end; group += 32) {
      const int32_t own = group + lane();
      const int32_t own_place = own < end ? matrix.places[own] * place_step : 0;
      const float own_value = own < end ? matrix.values[own] : 0.0f;
      const int32_t count = min(32, end - group);
#pragma unroll 4
      for (int32_t entry = 0; entry < count; ++entry) {
        const int32_t place = __shfl_sync(kWholeWarp, own_place, entry);
        const float value = __shfl_sync(kWholeWarp, own_value, entry);
        for (int i = 0; i < kVectors; ++i) sums[i] = fmaf(value, from[i][place], sums[i]);
      }
    }
    for (int i = 0; i < kVectors; ++i) {
      const int64_t pixel = first + 32 * i + lane();
      if (pixel < product.pixels) product.write(pixel, row, sums[i]);
    }
  }
}

// Launches `kernel` for all rows, `step` pixels a warp.
void launch_product(void (*kernel)(Product), const Product& product, int64_t step, cudaStream_t stream) {
  const int64_t groups = (product.pixels - 1) / step + 1;
  const dim3 blocks(blocks_for(product.matrix.rows), static_cast<unsigned>(std::min(groups, kMostGridRows)));
  kernel<<<blocks, kThreads, 0, stream>>>(product);
  check_launch("product with compressed rows");
}

}  // namespace

void launch_count(const float* dense, int32_t rows, int32_t columns, int32_t* counts, cudaStream_t stream) {
  if (rows == 0) return;
  count_kernel<<<blocks_for(rows), kThreads, 0, stream>>>(dense, rows, columns, counts);
  check_launch("count of non-zeros");
}

void launch_compress(const float* dense, int32_t rows, int32_t columns, const int32_t* starts, int32_t* places,
                     float* values, cudaStream_t stream) {
  if (rows == 0) return;
  compress_kernel<<<blocks_for(rows), kThreads, 0, stream>>>(dense, rows, columns, starts, places, values);
  check_launch("compression of rows");
}

void launch_expand(const CompressedMatrix& matrix, float* dense, cudaStream_t stream) {
  if (matrix.rows == 0) return;
  expand_kernel<<<blocks_for(matrix.rows), kThreads, 0, stream>>>(matrix, dense);
  check_launch("expansion of rows");
}

void launch_sum_pixels(const CompressedMatrix& matrix, const PixelGrid& grid, const float* input, const float* bias,
                       float* output, cudaStream_t stream) {
  const int64_t pixels = grid.images * grid.height * grid.width;
  if (matrix.rows == 0 || pixels == 0) return;
  const Product product{matrix, grid, pixels, input, bias, output};
  if (pixels == 1) {
    launch_product(sum_by_entry_kernel<1>, product, 1, stream);
  } else if (pixels <= kFewPixels) {
    launch_product(sum_by_entry_kernel<4>, product, 4, stream);
  } else if (pixels * matrix.rows < kManySums) {
    launch_product(sum_by_pixel_kernel<1>, product, 32, stream);
  } else {
    launch_product(sum_by_pixel_kernel<4>, product, 128, stream);
  }
}

}  // namespace finepune::cuda
