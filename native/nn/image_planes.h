// Activations as the sparse convolution reads them: planes of pixels that eight images share.
#pragma once

#include <algorithm>
#include <cstdint>

#include "attributes.h"

namespace finepune {

// Images of one pixel, side by side.
constexpr int64_t kPixelImages = 8;

// Planes [image / 8][channel][row][column][8], rows padded once: the zeros right of a row are those left of the next.
// Where the images are no multiple of eight the last pixels are filled up with zeros.
struct PlaneShape {
  int64_t images = 0, channels = 0, height = 0, width = 0;
  Padding padding;

  int64_t groups() const { return (images + kPixelImages - 1) / kPixelImages; }
  int64_t row_stride() const { return width + std::max(padding.left, padding.right); }
  // Pixels of one channel.
  int64_t plane() const { return padding.left + (padding.top + height + padding.bottom) * row_stride(); }
  int64_t floats() const { return groups() * channels * plane() * kPixelImages; }
};

// `images`: [N, H, W, C]; `planes`: shape.floats(). On libtorch's threads.
void to_planes(const float* images, const PlaneShape& shape, float* planes);

// Some pixels of some channels of eight images, to be written where they belong in [N, H, W, C].
struct PixelSums {
  // Channel c of the pixel p of image i: sums[c * stride + p * 8 + i].
  const float* sums;
  int64_t stride, channels;
  // Added to each channel; null for nothing.
  const float* bias;
  // max(., 0) behind it; NaN stays NaN.
  bool rectify;
};

// Where pixels of eight images go.
struct PixelPlace {
  // Of the first channel in the first image.
  float* output;
  // Floats from one image to the next, and how many of the eight are there.
  int64_t image_stride, images;
};

// Writes channels of pixel number `pixel` of `sums`.
void write_pixel(const PixelSums& sums, int64_t pixel, const PixelPlace& place);

}  // namespace finepune
