// Choice of the piece of an image that a network sees, and of its normalisation.
#pragma once

#include <cstdint>

#include "ops/crop_types.h"
#include "train/options.h"
#include "train/random.h"

namespace finepune {

// The middle of the image, offsets rounded as torchvision's center_crop does. `output` must fit in `image`.
Crop center_crop(ImageSize image, ImageSize output);

// A draw of `augmentation`: none: the centre crop; crop: one of the output's size at a uniform place; resized_crop: area
// uniform in the range, logarithm of the aspect uniform in its range, ten tries, then the largest centred crop within
// the aspect range (Szegedy et al., "Going Deeper with Convolutions", section 6, in torchvision's form). Flips with
// probability 1/2.
Crop draw_crop(ImageSize image, ImageSize output, const Augmentation& augmentation, Random& random);

// Throws Error("E_USAGE") where the normalisation does not fit 1 (GRAY) or 3 channels.
ChannelMap make_channel_map(const Normalization& normalization, int64_t channels);

}  // namespace finepune
