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

// A range of windows or cells along one side.
struct Range {
  int64_t first, last;
};

// The windows that hold `place`; none where last < first.
Range windows_of(int64_t place, int64_t kernel, int64_t stride, int64_t pad, int64_t outputs) {
  const int64_t past = place + pad - kernel + 1;
  return {past <= 0 ? 0 : (past + stride - 1) / stride, std::min((place + pad) / stride, outputs - 1)};
}

}  // namespace

bool has_placed_pool(const at::Tensor& values, const cpu::DirectKernels& kernels) {
  return values.is_cpu() && values.scalar_type() == at::kFloat && values.size(1) % kernels.lanes == 0;
}

PooledSums placed_pool(const at::Tensor& values, bool rectify, const PoolGrid& grid, const cpu::DirectKernels& kernels) {
  const int64_t channels = values.size(1), line = grid.width * channels, pooled = grid.output_width * channels;
  const PooledSums result{empty_like_images(values, grid.output_height, grid.output_width, at::kFloat),
                          empty_like_images(values, grid.output_height, grid.output_width, at::kByte)};
  const float* from = values.const_data_ptr<float>();
  float* to = result.values.mutable_data_ptr<float>();
  uint8_t* places = result.places.mutable_data_ptr<uint8_t>();
  at::parallel_for(0, values.size(0) * grid.output_height, kGrainRows, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t top = row % grid.output_height * grid.stride_height - grid.pad_top;
      const int64_t first = std::clamp<int64_t>(top, 0, grid.height);
      const int64_t last = std::clamp<int64_t>(top + grid.kernel_height, first, grid.height);
      kernels.placed_max_row({from + (row / grid.output_height * grid.height + first) * line, last - first, grid.width,
                              grid.pad_left, grid.kernel_width, grid.stride_width, channels, grid.output_width,
                              static_cast<int32_t>((first - top) * grid.kernel_width), rectify, to + row * pooled,
                              places + row * pooled});
    }
  });
  return result;
}

at::Tensor placed_pool_backward(const at::Tensor& gradient, const at::Tensor& places, const PoolGrid& grid,
                                const cpu::DirectKernels& kernels) {
  const int64_t channels = gradient.size(1), line = grid.width * channels, pooled = grid.output_width * channels;
  at::Tensor result = empty_like_images(gradient, grid.height, grid.width, at::kFloat);
  const float* from = gradient.const_data_ptr<float>();
  const uint8_t* found = places.const_data_ptr<uint8_t>();
  float* to = result.mutable_data_ptr<float>();
  at::parallel_for(0, gradient.size(0) * grid.height, kGrainRows, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t y = row % grid.height;
      const auto [first, last] =
          windows_of(y, grid.kernel_height, grid.stride_height, grid.pad_top, grid.output_height);
      const int64_t windows = (row / grid.height * grid.output_height + first) * pooled;
      kernels.placed_gradient_row({from + windows, found + windows, std::max<int64_t>(last - first + 1, 0),
                                   grid.output_width,
                                   static_cast<int32_t>(y + grid.pad_top - first * grid.stride_height),
                                   grid.stride_height, grid.width, grid.pad_left, grid.kernel_width, grid.stride_width,
                                   channels, to + row * line});
    }
  });
  return result;
}

}  // namespace finepune
