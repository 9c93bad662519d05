// Compressed sparse rows on raw device memory; no libtorch here.
#pragma once

#include <cstdint>

#include <cuda_runtime_api.h>

#include "ops/pixel_grid.h"

namespace finepune::cuda {

// ops/compressed_rows.h's matrix.
struct CompressedMatrix {
  int32_t rows;
  int32_t columns;
  const int32_t* starts;
  const int32_t* places;
  const float* values;
};

// All are queued on `stream` of the current device and throw Error("E_DEVICE") where a launch is refused. Dense
// matrices are rows x columns, row by row; entries of a matrix, rows and columns number less than 2^30. Sizes of 0 do
// nothing.

// Non-zeros of each row of `dense` to `counts`.
void launch_count(const float* dense, int32_t rows, int32_t columns, int32_t* counts, cudaStream_t stream);

// Compaction: places and values of each row's non-zeros from starts[row] on.
void launch_compress(const float* dense, int32_t rows, int32_t columns, const int32_t* starts, int32_t* places,
                     float* values, cudaStream_t stream);

// Writes the matrix's entries into `dense`, which holds zeros.
void launch_expand(const CompressedMatrix& matrix, float* dense, cudaStream_t stream);

// ops/compressed_rows.h's sum_pixels; `bias` null for zeros. place * place_step stays below 2^31. Each sum is added in
// an order of its own row and of the number of pixels alone.
void launch_sum_pixels(const CompressedMatrix& matrix, const PixelGrid& grid, const float* input, const float* bias,
                       float* output, cudaStream_t stream);

}  // namespace finepune::cuda
