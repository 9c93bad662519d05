// Maximum pooling that remembers which cell of its window gave each value. Included by files compiled for other
// instruction sets than the rest, so it must bring in no inline code.
#pragma once

#include <cstdint>

#include "ops/pool_places.h"

namespace finepune::cpu {

// Windows of one row of output pixels, pixels of `channels` floats, a multiple of the vector. Output pixel i has the columns
// from i * stride - left on, and `rows` rows from `input` on; what lies outside the `width` columns is no cell. Pixels of
// the output and of the places are `output_stride` values apart.
//   output[i] = the largest of the window's cells, the first of equals, and a NaN before all; places[i] = its number,
//   rows of `window_width` cells first, counted from `first_cell`
// With `rectify` what is not above 0 becomes 0, and its place kNowhere; so it is, and the value -infinity, without a cell.
struct PlacedMaxRow {
  const float* input;
  int64_t rows, width, left, window_width, stride, channels, count, output_stride;
  int32_t first_cell;
  bool rectify;
  float* output;
  uint8_t* places;
};

// Gradient by one row of input pixels: each is the sum, from 0 on and in order, of the gradients of the windows that took
// their value from it. Such windows are in `rows` rows of `count` from `gradients` and `places` on, `pooled_stride` values
// apart, and the input's row is number `first_row` of the first row's windows and `row_step` less of each that follows.
struct PlacedGradientRow {
  const float* gradients;
  const uint8_t* places;
  int64_t rows, count, pooled_stride;
  int32_t first_row, row_step;
  int64_t width, left, window_width, stride, channels;
  float* result;
};

}  // namespace finepune::cpu
