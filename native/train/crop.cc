#include "train/crop.h"

#include <algorithm>
#include <cmath>

#include "ops/error.h"

namespace finepune {

Crop center_crop(ImageSize image, ImageSize output) {
  Crop crop;
  // torchvision: int(round((image - crop) / 2.0)), Python's rounding to even.
  crop.top = std::lrint(static_cast<double>(image.height - output.height) / 2.0);
  crop.left = std::lrint(static_cast<double>(image.width - output.width) / 2.0);
  crop.height = output.height;
  crop.width = output.width;
  return crop;
}

namespace {

Crop random_crop(ImageSize image, ImageSize output, Random& random) {
  Crop crop = center_crop(image, output);
  crop.top = random.below(static_cast<uint32_t>(image.height - output.height + 1));
  crop.left = random.below(static_cast<uint32_t>(image.width - output.width + 1));
  return crop;
}

Crop random_resized_crop(ImageSize image, const Augmentation& augmentation, Random& random) {
  const double area = static_cast<double>(image.height * image.width);
  const double low = std::log(augmentation.aspect_range[0]);
  const double high = std::log(augmentation.aspect_range[1]);
  Crop crop;
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double target = area * random.uniform(augmentation.area_range[0], augmentation.area_range[1]);
    const double aspect = std::exp(random.uniform(low, high));
    crop.width = std::lrint(std::sqrt(target * aspect));
    crop.height = std::lrint(std::sqrt(target / aspect));
    if (crop.width < 1 || crop.height < 1 || crop.width > image.width || crop.height > image.height) continue;
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

ChannelMap make_channel_map(const Normalization& normalization, int64_t channels) {
  const int64_t expected = normalization.order == ChannelOrder::gray ? 1 : 3;
  if (channels != expected) {
    throw Error("E_USAGE", "expected channel order " + std::string(channels == 1 ? "GRAY" : "RGB or BGR") +
                               " for a network of " + std::to_string(channels) + " input channels");
  }
  const auto size = static_cast<size_t>(channels);
  if (normalization.mean.size() != size || normalization.std.size() != size) {
    throw Error("E_USAGE", "expected " + std::to_string(channels) + " values for mean and std but received " +
                               std::to_string(normalization.mean.size()) + " and " +
                               std::to_string(normalization.std.size()));
  }
  ChannelMap map;
  map.channels = channels;
  for (size_t c = 0; c < size; ++c) {
    const double std = normalization.std[c];
    if (!(std > 0) || !std::isfinite(std) || !std::isfinite(normalization.mean[c]) ||
        !std::isfinite(normalization.scale)) {
      throw Error("E_USAGE", "expected finite scale and mean and a positive std for the normalization");
    }
    map.source[c] = normalization.order == ChannelOrder::bgr ? static_cast<int>(size - 1 - c) : static_cast<int>(c);
    map.factor[c] = static_cast<float>(normalization.scale / std);
    map.shift[c] = static_cast<float>(-normalization.mean[c] / std);
  }
  return map;
}

}  // namespace finepune
