// Choice of the piece of an image that a network sees in training.
#pragma once

#include "ops/crop_types.h"
#include "train/options.h"
#include "train/random.h"

namespace finepune {

// A draw of `augmentation`: none: the centre crop; crop: one of the output's size at a uniform place; resized_crop: area
// uniform in the range, logarithm of the aspect uniform in its range, ten tries, then the largest centred crop within
// the aspect range (Szegedy et al., "Going Deeper with Convolutions", section 6, in torchvision's form). Flips with
// probability 1/2.
Crop draw_crop(ImageSize image, ImageSize output, const Augmentation& augmentation, Random& random);

}  // namespace finepune
