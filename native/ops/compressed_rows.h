// Matrices without their zeros, in compressed sparse rows: positions and values of what is left, and products with
// them.
#pragma once

#include <cstdint>
#include <optional>

#include <ATen/core/Tensor.h>

#include "ops/pixel_grid.h"

namespace finepune {

// Row r holds values[starts[r]] to values[starts[r + 1] - 1] at the columns places[starts[r]] and so on, ascending.
struct CompressedRows {
  int64_t rows = 0;
  int64_t columns = 0;
  at::Tensor starts;  // int32 [rows + 1]; the last is the number of entries
  at::Tensor places;  // int32 [entries]
  at::Tensor values;  // float32 [entries]

  int64_t bytes() const { return static_cast<int64_t>(starts.nbytes() + places.nbytes() + values.nbytes()); }
};

// The entries of `dense` that are not zero, -0 counting as zero and NaN not; on its device, for which this waits.
// `dense`: float32 [rows, columns], contiguous, of fewer than 2^30 entries. Throws std::invalid_argument on another.
CompressedRows compress_rows(const at::Tensor& dense);

// The inverse: float32 [rows, columns].
at::Tensor expand_rows(const CompressedRows& matrix);

// input W^T + bias: float32 [N, rows], of `input` [N, columns] and `bias` [rows], W the matrix. The order in which
// products are added depends on the device and on whether N is above 8, and on nothing else. On a GPU it is queued on
// the current stream. Throws std::invalid_argument on tensors that do not fit together.
at::Tensor multiply_rows(const CompressedRows& matrix, const at::Tensor& input, const std::optional<at::Tensor>& bias);

// output[pixel][row] = bias[row] + sum over the row's entries of value * input[where the pixel reads the place]:
// float32, contiguous and on one device, and `input` must hold whatever the grid and the places lead to, which nothing
// checks. On a GPU it is queued on the current stream.
void sum_pixels(const CompressedRows& matrix, const PixelGrid& grid, const at::Tensor& input,
                const std::optional<at::Tensor>& bias, const at::Tensor& output);

}  // namespace finepune
