// Plain types of cropping, shared with the CUDA kernels; no libtorch here.
#pragma once

#include <cstdint>

namespace finepune {

struct ImageSize {
  int64_t height = 0;
  int64_t width = 0;
};

// A rectangle of the stored image, and how it is mirrored. Sides of 1 or more, inside the image.
struct Crop {
  int64_t top = 0;
  int64_t left = 0;
  int64_t height = 0;
  int64_t width = 0;
  bool mirror_horizontally = false;
  bool mirror_vertically = false;
};

// A crop of one of several images.
struct ImageCrop {
  int64_t image = 0;
  Crop crop;
};

// Normalisation folded to x = value * factor[c] + shift[c], c counted in the network's order.
struct ChannelMap {
  int64_t channels = 0;
  // Channel of the stored image that output channel c reads.
  int source[3] = {0, 0, 0};
  float factor[3] = {1, 1, 1};
  float shift[3] = {0, 0, 0};
};

}  // namespace finepune
