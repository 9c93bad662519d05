// Choice of the piece of an image that a network sees, and its way from uint8 pixels to normalised floats.
#pragma once

#include <cstdint>

#include "train/options.h"
#include "train/random.h"

namespace finepune {

// A rectangle of the stored image, and how it is mirrored. Sides of 1 or more, inside the image.
struct Crop {
  int64_t top = 0;
  int64_t left = 0;
  int64_t height = 0;
  int64_t width = 0;
  bool mirror_horizontally = false;
  bool mirror_vertically = false;
};

struct ImageSize {
  int64_t height = 0;
  int64_t width = 0;
};

// The middle of the image, offsets rounded as torchvision's center_crop does. `output` must fit in `image`.
Crop center_crop(ImageSize image, ImageSize output);

// A draw of `augmentation`: none: the centre crop; crop: one of the output's size at a uniform place; resized_crop: area
// uniform in the range, logarithm of the aspect uniform in its range, ten tries, then the largest centred crop within
// the aspect range (Szegedy et al., "Going Deeper with Convolutions", section 6, in torchvision's form). Flips with
// probability 1/2.
Crop draw_crop(ImageSize image, ImageSize output, const Augmentation& augmentation, Random& random);

// Normalisation folded to x = value * factor[c] + shift[c], c counted in the network's order.
struct ChannelMap {
  int64_t channels = 0;
  // Channel of the stored image that output channel c reads.
  int source[3] = {0, 0, 0};
  float factor[3] = {1, 1, 1};
  float shift[3] = {0, 0, 0};
};

// Throws Error("E_USAGE") where the normalisation does not fit 1 (GRAY) or 3 channels.
ChannelMap make_channel_map(const Normalization& normalization, int64_t channels);

// Writes `crop` of `pixels` (HWC, map.channels channels) as output.height x output.width x channels floats (HWC).
// A crop of the output's size is copied exactly; another is resized by bilinear interpolation, with the triangle filter
// widened where it shrinks (antialiased, pixel centres at half integers: torchvision's resize of an image).
void write_crop(const uint8_t* pixels, ImageSize image, const Crop& crop, const ChannelMap& map, ImageSize output,
                float* destination);

}  // namespace finepune
