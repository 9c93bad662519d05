#include "train/crop.h"

#include <algorithm>
#include <cmath>

namespace finepune {
namespace {

Crop random_crop(ImageSize image, ImageSize output, Random& random) {
  Crop crop = center_crop(image, output);
  crop.top = random.below(static_cast<uint32_t>(image.height - output.height + 1));
  crop.left = random.below(static_cast<uint32_t>(image.width - output.width + 1));
  return crop;
}

bool is_side(double pixels, int64_t most) { return pixels >= 1 && pixels <= static_cast<double>(most); }

Crop random_resized_crop(ImageSize image, const Augmentation& augmentation, Random& random) {
  const double area = static_cast<double>(image.height * image.width);
  const double low = std::log(augmentation.aspect_range[0]);
  const double high = std::log(augmentation.aspect_range[1]);
  Crop crop;
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double target = area * random.uniform(augmentation.area_range[0], augmentation.area_range[1]);
    const double aspect = std::exp(random.uniform(low, high));
    // Compared before they become integers: an aspect of a very wide range gives sides that no integer holds.
    const double width = std::nearbyint(std::sqrt(target * aspect));
    const double height = std::nearbyint(std::sqrt(target / aspect));
    if (!is_side(width, image.width) || !is_side(height, image.height)) continue;
    crop.width = static_cast<int64_t>(width);
    crop.height = static_cast<int64_t>(height);
    crop.top = random.below(static_cast<uint32_t>(image.height - crop.height + 1));
    crop.left = random.below(static_cast<uint32_t>(image.width - crop.width + 1));
    return crop;
  }
  const double aspect = static_cast<double>(image.width) / static_cast<double>(image.height);
  const double allowed = std::clamp(aspect, augmentation.aspect_range[0], augmentation.aspect_range[1]);
  crop.width = image.width;
  crop.height = image.height;
  if (aspect < allowed) crop.height = std::max<int64_t>(1, std::lrint(static_cast<double>(image.width) / allowed));
  if (aspect > allowed) crop.width = std::max<int64_t>(1, std::lrint(static_cast<double>(image.height) * allowed));
  crop.top = (image.height - crop.height) / 2;
  crop.left = (image.width - crop.width) / 2;
  return crop;
}

}  // namespace

Crop draw_crop(ImageSize image, ImageSize output, const Augmentation& augmentation, Random& random) {
  Crop crop;
  switch (augmentation.kind) {
    case Augmentation::Kind::none:
      crop = center_crop(image, output);
      break;
    case Augmentation::Kind::crop:
      crop = random_crop(image, output, random);
      break;
    case Augmentation::Kind::resized_crop:
      crop = random_resized_crop(image, augmentation, random);
      break;
  }
  crop.mirror_horizontally = augmentation.horizontal_flip && random.coin();
  crop.mirror_vertically = augmentation.vertical_flip && random.coin();
  return crop;
}

}  // namespace finepune
