// Plain type of pooling, shared with the CUDA kernels; no libtorch here.
#pragma once

#include <algorithm>
#include <cstdint>

namespace finepune {

// Windows of kernel_height x kernel_width cells over images of height x width pixels: the one at (y, x) of the output
// begins at row y * stride_height - pad_top, column x * stride_width - pad_left, and has the cells that lie inside.
struct PoolGrid {
  int32_t height, width;
  int32_t output_height, output_width;
  int32_t kernel_height, kernel_width;
  int32_t stride_height, stride_width;
  int32_t pad_top, pad_left;
};

// Numbers from `first` to `last`; none where last < first.
struct PoolRange {
  int64_t first, last;
};

// The rows of the image that the windows of output rows [first, last] have cells in.
inline PoolRange rows_of_windows(const PoolGrid& grid, int64_t first, int64_t last) {
  const int64_t top = first * grid.stride_height - grid.pad_top;
  const int64_t bottom = last * grid.stride_height - grid.pad_top + grid.kernel_height - 1;
  return {std::max<int64_t>(top, 0), std::min<int64_t>(bottom, grid.height - 1)};
}

// The output rows whose windows have cells in `row` of the image.
inline PoolRange windows_of_row(const PoolGrid& grid, int64_t row) {
  const int64_t past = row + grid.pad_top - grid.kernel_height + 1;
  const int64_t first = past <= 0 ? 0 : (past + grid.stride_height - 1) / grid.stride_height;
  return {first, std::min<int64_t>((row + grid.pad_top) / grid.stride_height, grid.output_height - 1)};
}

}  // namespace finepune
