// How every image becomes a network's input, in training and in serving: which piece of it, and normalised how.
#pragma once

#include <cstdint>
#include <vector>

#include "ops/crop_types.h"

namespace finepune {

enum class ChannelOrder { rgb, bgr, gray };

// x = (value * scale - mean[c]) / std[c], c counted in `order`.
struct Normalization {
  ChannelOrder order = ChannelOrder::rgb;
  double scale = 1;
  std::vector<double> mean;
  std::vector<double> std;
};

// The middle of the image, offsets rounded as torchvision's center_crop does. `output` must fit in `image`.
Crop center_crop(ImageSize image, ImageSize output);

// Throws Error("E_USAGE") where the normalisation does not fit 1 (GRAY) or 3 channels.
ChannelMap make_channel_map(const Normalization& normalization, int64_t channels);

}  // namespace finepune
