#include "ops/compressed_rows.h"

#include <stdexcept>
#include <string>

#include <ATen/Functions.h>
#include <ATen/Parallel.h>

#include "ops/layout.h"

#ifdef FINEPUNE_WITH_CUDA
#include "ops/cuda/operators.h"
#endif

namespace finepune {

namespace {

// Entries are counted in 32 bits, with room for a loop's last step.
constexpr int64_t most_entries = int64_t{1} << 30;
// Images that a GPU multiplies as they lie, its threads sharing an entry's images; of more, threads share the images,
// which then lie side by side. Set by reasoning: no GPU has measured it.
constexpr int64_t most_images_apart = 8;

void expect(bool good, const char* what) {
  if (!good) throw std::invalid_argument(std::string("expected ") + what + " for compressed rows");
}

CompressedRows compress_on_cpu(const at::Tensor& dense) {
  const int64_t rows = dense.size(0), columns = dense.size(1);
  const float* values = dense.const_data_ptr<float>();
  CompressedRows matrix{rows, columns, at::zeros({rows + 1}, at::kInt), {}, {}};
  int32_t* starts = matrix.starts.data_ptr<int32_t>();
  for (int64_t row = 0; row < rows; ++row) {
    int32_t count = 0;
    for (int64_t column = 0; column < columns; ++column) count += values[row * columns + column] != 0 ? 1 : 0;
    starts[row + 1] = starts[row] + count;
  }
  matrix.places = at::empty({starts[rows]}, at::kInt);
  matrix.values = at::empty({starts[rows]}, at::kFloat);
  int32_t* place = matrix.places.data_ptr<int32_t>();
  float* value = matrix.values.data_ptr<float>();
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = 0; column < columns; ++column) {
      if (values[row * columns + column] == 0) continue;
      *place++ = static_cast<int32_t>(column);
      *value++ = values[row * columns + column];
    }
  }
  return matrix;
}

at::Tensor expand_on_cpu(const CompressedRows& matrix) {
  const at::Tensor dense = at::zeros({matrix.rows, matrix.columns}, at::kFloat);
  const int32_t* starts = matrix.starts.const_data_ptr<int32_t>();
  const int32_t* places = matrix.places.const_data_ptr<int32_t>();
  const float* values = matrix.values.const_data_ptr<float>();
  float* to = dense.data_ptr<float>();
  for (int64_t row = 0; row < matrix.rows; ++row) {
    for (int32_t i = starts[row]; i < starts[row + 1]; ++i) to[row * matrix.columns + places[i]] = values[i];
  }
  return dense;
}

void sum_on_cpu(const CompressedRows& matrix, const PixelGrid& grid, const float* input, const float* bias,
                float* output) {
  const int32_t* starts = matrix.starts.const_data_ptr<int32_t>();
  const int32_t* places = matrix.places.const_data_ptr<int32_t>();
  const float* values = matrix.values.const_data_ptr<float>();
  at::parallel_for(0, grid.images * grid.height * grid.width, 1, [&](int64_t begin, int64_t end) {
    for (int64_t pixel = begin; pixel < end; ++pixel) {
      const int64_t x = pixel % grid.width, y = pixel / grid.width % grid.height, n = pixel / grid.width / grid.height;
      const float* from = input + n * grid.image_step + y * grid.row_step + x * grid.column_step;
      for (int64_t row = 0; row < matrix.rows; ++row) {
        float sum = 0;
        for (int32_t i = starts[row]; i < starts[row + 1]; ++i) sum += values[i] * from[places[i] * grid.place_step];
        output[pixel * matrix.rows + row] = sum + (bias == nullptr ? 0.0f : bias[row]);
      }
    }
  });
}

}  // namespace

CompressedRows compress_rows(const at::Tensor& dense) {
  check_same_layout(dense, dense, at::kFloat, "the matrix");
  expect(dense.dim() == 2 && dense.is_contiguous(), "a contiguous matrix");
  expect(dense.size(0) < most_entries && dense.size(1) < most_entries && dense.numel() < most_entries,
         "fewer than 2^30 entries");
#ifdef FINEPUNE_WITH_CUDA
  if (dense.is_cuda()) return cuda::compress_rows(dense);
#endif
  return compress_on_cpu(dense);
}

at::Tensor expand_rows(const CompressedRows& matrix) {
#ifdef FINEPUNE_WITH_CUDA
  if (matrix.values.is_cuda()) return cuda::expand_rows(matrix);
#endif
  return expand_on_cpu(matrix);
}

at::Tensor multiply_rows(const CompressedRows& matrix, const at::Tensor& input, const std::optional<at::Tensor>& bias) {
  const at::Device device = matrix.values.device();
  expect(input.device() == device && input.scalar_type() == at::kFloat && input.dim() == 2 &&
             input.size(1) == matrix.columns && input.numel() < most_entries,
         "a float32 input [N, columns] of fewer than 2^30 entries on the matrix's device");
  expect(!bias || (bias->device() == device && bias->scalar_type() == at::kFloat && bias->is_contiguous() &&
                   bias->numel() == matrix.rows),
         "a float32 bias [rows] on the matrix's device");
  const int64_t images = input.size(0);
  at::Tensor output = at::empty({images, matrix.rows}, input.options());
  if (device.is_cuda() && images > most_images_apart) {
    sum_pixels(matrix, {.width = images, .column_step = 1, .place_step = images}, input.t().contiguous(), bias, output);
  } else {
    sum_pixels(matrix, {.images = images, .image_step = matrix.columns}, input.contiguous(), bias, output);
  }
  return output;
}

void sum_pixels(const CompressedRows& matrix, const PixelGrid& grid, const at::Tensor& input,
                const std::optional<at::Tensor>& bias, const at::Tensor& output) {
#ifdef FINEPUNE_WITH_CUDA
  if (output.is_cuda()) return cuda::sum_pixels(matrix, grid, input, bias, output);
#endif
  sum_on_cpu(matrix, grid, input.const_data_ptr<float>(), bias ? bias->const_data_ptr<float>() : nullptr,
             output.data_ptr<float>());
}

}  // namespace finepune
