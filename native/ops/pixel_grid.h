// Plain type of the products with compressed rows, shared with the CUDA kernels; no libtorch here.
#pragma once

#include <cstdint>

namespace finepune {

// The pixels [images][height][width] of an output, and where they read: the one at (n, y, x) from float
// n * image_step + y * row_step + x * column_step of the input on, and place p from there p * place_step floats
// further. Sizes and steps are 0 or more.
struct PixelGrid {
  int64_t images = 1;
  int64_t height = 1;
  int64_t width = 1;
  int64_t image_step = 0;
  int64_t row_step = 0;
  int64_t column_step = 0;
  int64_t place_step = 1;
};

}  // namespace finepune
