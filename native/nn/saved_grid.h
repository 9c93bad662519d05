// The grid of a pooling's windows, and how autograd keeps it.
#pragma once

#include <cstdint>
#include <vector>

#include "ops/pool_grid.h"
#include "pool_windows.h"

namespace finepune {

inline PoolGrid grid_of(const PoolWindows& windows) {
  const auto narrow = [](int64_t size) { return static_cast<int32_t>(size); };
  return {narrow(windows.input[0]),    narrow(windows.input[1]),   narrow(windows.output[0]), narrow(windows.output[1]),
          narrow(windows.kernel[0]),   narrow(windows.kernel[1]),  narrow(windows.strides[0]), narrow(windows.strides[1]),
          narrow(windows.padding.top), narrow(windows.padding.left)};
}

inline std::vector<int64_t> saved_grid(const PoolGrid& grid) {
  return {grid.height,       grid.width,         grid.output_height, grid.output_width, grid.kernel_height,
          grid.kernel_width, grid.stride_height, grid.stride_width,  grid.pad_top,      grid.pad_left};
}

inline PoolGrid restored_grid(const std::vector<int64_t>& sizes) {
  const auto size = [&](size_t i) { return static_cast<int32_t>(sizes[i]); };
  return {size(0), size(1), size(2), size(3), size(4), size(5), size(6), size(7), size(8), size(9)};
}

}  // namespace finepune
