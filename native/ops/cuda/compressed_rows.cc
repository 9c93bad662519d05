// From compressed rows to raw memory and the current stream.
#include <ATen/Functions.h>

#include "ops/cuda/compressed_kernel.h"
#include "ops/cuda/operators.h"
#include "ops/cuda/place.h"

namespace finepune::cuda {

namespace {

CompressedMatrix raw(const CompressedRows& matrix) {
  return {.rows = static_cast<int32_t>(matrix.rows),
          .columns = static_cast<int32_t>(matrix.columns),
          .starts = matrix.starts.const_data_ptr<int32_t>(),
          .places = matrix.places.const_data_ptr<int32_t>(),
          .values = matrix.values.const_data_ptr<float>()};
}

}  // namespace

CompressedRows compress_rows(const at::Tensor& dense) {
  const Place place(dense);
  const auto integers = dense.options().dtype(at::kInt);
  const auto rows = static_cast<int32_t>(dense.size(0));
  const auto columns = static_cast<int32_t>(dense.size(1));
  const float* from = dense.const_data_ptr<float>();
  CompressedRows matrix{dense.size(0), dense.size(1), at::zeros({dense.size(0) + 1}, integers), {}, {}};
  const at::Tensor counts = at::empty({dense.size(0)}, integers);
  launch_count(from, rows, columns, counts.data_ptr<int32_t>(), place.stream());
  matrix.starts.narrow(0, 1, dense.size(0)).copy_(at::cumsum(counts, 0, at::kInt));
  const int64_t entries = matrix.starts[dense.size(0)].item<int32_t>();
  matrix.places = at::empty({entries}, integers);
  matrix.values = at::empty({entries}, dense.options());
  launch_compress(from, rows, columns, matrix.starts.const_data_ptr<int32_t>(), matrix.places.data_ptr<int32_t>(),
                  matrix.values.data_ptr<float>(), place.stream());
  return matrix;
}

at::Tensor expand_rows(const CompressedRows& matrix) {
  const Place place(matrix.values);
  at::Tensor dense = at::zeros({matrix.rows, matrix.columns}, matrix.values.options());
  launch_expand(raw(matrix), dense.data_ptr<float>(), place.stream());
  return dense;
}

void sum_pixels(const CompressedRows& matrix, const PixelGrid& grid, const at::Tensor& input,
                const std::optional<at::Tensor>& bias, const at::Tensor& output) {
  const Place place(output);
  launch_sum_pixels(raw(matrix), grid, input.const_data_ptr<float>(), bias ? bias->const_data_ptr<float>() : nullptr,
                    output.data_ptr<float>(), place.stream());
}

}  // namespace finepune::cuda
