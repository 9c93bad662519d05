#include <ATen/ATen.h>

#include "check.h"
#include "devices.h"
#include "ops/write_crop.h"

namespace finepune::test {
namespace {

constexpr int64_t images = 3, height = 37, width = 41;

// Weights of `input` pixels for output entry `place` of `output`: a triangle, widened where the image shrinks.
std::vector<double> triangle(int64_t input, int64_t output, int64_t place) {
  const double scale = static_cast<double>(input) / static_cast<double>(output);
  const double support = std::max(1.0, scale);
  const double center = (static_cast<double>(place) + 0.5) * scale;
  std::vector<double> weights;
  double total = 0;
  for (int64_t k = 0; k < input; ++k) {
    weights.push_back(std::max(0.0, 1 - std::abs(static_cast<double>(k) + 0.5 - center) / support));
    total += weights.back();
  }
  for (double& weight : weights) weight /= total;
  return weights;
}

// One value of a crop in float64.
double reference(const at::Tensor& pixels, const ImageCrop& item, const ChannelMap& map, ImageSize size, int64_t c,
                 int64_t y, int64_t x) {
  const Crop& crop = item.crop;
  if (crop.mirror_vertically) y = size.height - 1 - y;
  if (crop.mirror_horizontally) x = size.width - 1 - x;
  const std::vector<double> rows = triangle(crop.height, size.height, y);
  const std::vector<double> columns = triangle(crop.width, size.width, x);
  const auto stored = pixels.accessor<uint8_t, 4>();
  double value = 0;
  for (int64_t i = 0; i < crop.height; ++i) {
    for (int64_t j = 0; j < crop.width; ++j) {
      value += rows[static_cast<size_t>(i)] * columns[static_cast<size_t>(j)] *
               stored[item.image][crop.top + i][crop.left + j][map.source[c]];
    }
  }
  return value * map.factor[c] + map.shift[c];
}

ChannelMap map_of(int64_t channels) {
  ChannelMap map;
  map.channels = channels;
  if (channels == 1) {
    map.factor[0] = 0.5f;
    map.shift[0] = -3;
    return map;
  }
  for (int c = 0; c < 3; ++c) {
    map.source[c] = 2 - c;
    map.factor[c] = 0.25f * static_cast<float>(c + 1);
    map.shift[c] = static_cast<float>(c) - 1;
  }
  return map;
}

}  // namespace

TEST_ON_DEVICES("crops are copied, resized, mirrored and normalised as in float64") {
  at::manual_seed(6);
  // As they are, grown, shrunk, both, mirrored, at every edge, of a single pixel.
  const std::vector<ImageCrop> crops = {
      {0, {0, 0, 16, 20, false, false}},  {2, {21, 21, 16, 20, true, false}}, {1, {3, 2, 9, 11, false, true}},
      {2, {0, 0, 37, 41, true, true}},    {0, {36, 40, 1, 1, false, false}},  {1, {5, 0, 31, 7, true, false}},
      {0, {10, 12, 16, 20, false, true}},
  };
  for (const int64_t channels : {1, 3}) {
    const at::Tensor pixels = at::randint(0, 256, {images, height, width, channels}, at::kByte);
    const ChannelMap map = map_of(channels);
    const at::Tensor output = at::empty({static_cast<int64_t>(crops.size()), channels, 16, 20},
                                        at::TensorOptions().dtype(at::kFloat).device(device).memory_format(
                                            at::MemoryFormat::ChannelsLast));
    write_crops(pixels.to(device), crops, map, output);
    const at::Tensor host = output.cpu();
    const auto values = host.accessor<float, 4>();
    for (size_t i = 0; i < crops.size(); ++i) {
      for (int64_t c = 0; c < channels; ++c) {
        for (int64_t y = 0; y < 16; ++y) {
          for (int64_t x = 0; x < 20; ++x) {
            CHECK_NEAR(values[static_cast<int64_t>(i)][c][y][x], reference(pixels, crops[i], map, {16, 20}, c, y, x), 1e-3);
          }
        }
      }
    }
  }
}

TEST_ON_DEVICES("crops outside the images, or of images that are not there, are refused") {
  const at::Tensor pixels = at::zeros({2, 4, 4, 1}, at::TensorOptions().dtype(at::kByte).device(device));
  const at::Tensor output = at::zeros({1, 1, 2, 2}, at::TensorOptions().dtype(at::kFloat).device(device));
  const ChannelMap map = map_of(1);
  CHECK_THROWS(std::invalid_argument, "crops of images that are there", write_crops(pixels, {{2, {0, 0, 2, 2}}}, map, output));
  CHECK_THROWS(std::invalid_argument, "crops inside the images", write_crops(pixels, {{0, {3, 0, 2, 2}}}, map, output));
  CHECK_THROWS(std::invalid_argument, "as many crops", write_crops(pixels, {}, map, output));
}

}  // namespace finepune::test
