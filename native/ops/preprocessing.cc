#include "ops/preprocessing.h"

#include <cmath>
#include <string>

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
