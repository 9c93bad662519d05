// How values lie in memory while a network is served.
#pragma once

#include <algorithm>
#include <cstdint>

#include "nn/attributes.h"

namespace finepune::serve {

// Planes [channels][rows][columns][pixel] of one or several images. A pixel is `pixel` floats, one of each image that
// is computed together; everything here counts pixels. Rows are padded once: the zeros right of a row are those left of
// the next, so that a convolution reads its padding from the plane itself.
struct Layout {
  int64_t channels = 0, height = 0, width = 0;
  Padding padding;

  int64_t row_stride() const { return width + std::max(padding.left, padding.right); }
  int64_t plane() const { return padding.left + (padding.top + height + padding.bottom) * row_stride(); }
  // Of the pixel in row 0, column 0.
  int64_t origin() const { return padding.left + padding.top * row_stride(); }
  int64_t pixels() const { return channels * plane(); }
  bool is_padded() const { return padding.top + padding.left + padding.bottom + padding.right > 0; }
};

// Planes in memory, from the first channel's first pixel on.
struct Planes {
  float* data = nullptr;
  Layout layout;
  int64_t pixel = 1;

  float* row(int64_t channel, int64_t y) const {
    return data + (channel * layout.plane() + layout.origin() + y * layout.row_stride()) * pixel;
  }
};

}  // namespace finepune::serve
