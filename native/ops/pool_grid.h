// Plain type of pooling, shared with the CUDA kernels; no libtorch here.
#pragma once

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

}  // namespace finepune
