#include "ops/placed_pool.h"

#include <algorithm>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

namespace finepune {
namespace {

constexpr int64_t kGrainRows = 4;

at::Tensor empty_like_images(const at::Tensor& images, int64_t height, int64_t width, at::ScalarType type) {
  return at::empty({images.size(0), images.size(1), height, width},
                   images.options().dtype(type).memory_format(at::MemoryFormat::ChannelsLast));
}

}  // namespace

bool has_placed_pool(const at::Tensor& values, const cpu::DirectKernels& kernels) {
  return values.is_cpu() && values.scalar_type() == at::kFloat && values.size(1) % kernels.lanes == 0;
}

void pool_row(const RowsToPool& rows, int64_t y, bool rectify, const PoolGrid& grid,
              const cpu::DirectKernels& kernels) {
  const int64_t line = grid.width * rows.channels, to = y * grid.output_width * rows.stride;
  const auto [first, last] = rows_of_windows(grid, y, y);
  const auto first_cell = static_cast<int32_t>((first + grid.pad_top - y * grid.stride_height) * grid.kernel_width);
  kernels.placed_max_row({rows.values + (first - rows.first) * line, std::max<int64_t>(last - first + 1, 0), grid.width,
                          grid.pad_left, grid.kernel_width, grid.stride_width, rows.channels, grid.output_width,
                          rows.stride, first_cell, rectify, rows.pooled + to, rows.places + to});
}

void pool_row_backward(const RowsToFill& rows, int64_t y, const PoolGrid& grid, const cpu::DirectKernels& kernels) {
  const auto [first, last] = windows_of_row(grid, y);
  const int64_t from = first * grid.output_width * rows.stride;
  const auto first_row = static_cast<int32_t>(y + grid.pad_top - first * grid.stride_height);
  kernels.placed_gradient_row({rows.pooled + from, rows.places + from, std::max<int64_t>(last - first + 1, 0),
                               grid.output_width, rows.stride, first_row, grid.stride_height, grid.width, grid.pad_left,
                               grid.kernel_width, grid.stride_width, rows.channels,
                               rows.gradients + (y - rows.first) * grid.width * rows.channels});
}

PooledSums placed_pool(const at::Tensor& values, bool rectify, const PoolGrid& grid, const cpu::DirectKernels& kernels) {
  const int64_t channels = values.size(1), image = grid.height * grid.width * channels;
  const int64_t pooled = grid.output_height * grid.output_width * channels;
  const PooledSums result{empty_like_images(values, grid.output_height, grid.output_width, at::kFloat),
                          empty_like_images(values, grid.output_height, grid.output_width, at::kByte)};
  const float* from = values.const_data_ptr<float>();
  float* to = result.values.mutable_data_ptr<float>();
  uint8_t* places = result.places.mutable_data_ptr<uint8_t>();
  at::parallel_for(0, values.size(0) * grid.output_height, kGrainRows, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t n = row / grid.output_height;
      pool_row({from + n * image, 0, channels, to + n * pooled, places + n * pooled, channels},
               row % grid.output_height, rectify, grid, kernels);
    }
  });
  return result;
}

at::Tensor placed_pool_backward(const at::Tensor& gradient, const at::Tensor& places, const PoolGrid& grid,
                                const cpu::DirectKernels& kernels) {
  const int64_t channels = gradient.size(1), image = grid.height * grid.width * channels;
  const int64_t pooled = grid.output_height * grid.output_width * channels;
  at::Tensor result = empty_like_images(gradient, grid.height, grid.width, at::kFloat);
  const float* from = gradient.const_data_ptr<float>();
  const uint8_t* found = places.const_data_ptr<uint8_t>();
  float* to = result.mutable_data_ptr<float>();
  at::parallel_for(0, gradient.size(0) * grid.height, kGrainRows, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t n = row / grid.height;
      pool_row_backward({from + n * pooled, found + n * pooled, channels, to + n * image, 0, channels},
                        row % grid.height, grid, kernels);
    }
  });
  return result;
}

}  // namespace finepune
