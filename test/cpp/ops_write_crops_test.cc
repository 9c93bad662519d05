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

void check_crops(const at::Tensor& pixels, const std::vector<ImageCrop>& crops, ImageSize size, at::Device device) {
  const int64_t channels = pixels.size(3);
  const ChannelMap map = map_of(channels);
  const at::Tensor output = at::empty({static_cast<int64_t>(crops.size()), channels, size.height, size.width},
                                      at::TensorOptions().dtype(at::kFloat).device(device).memory_format(
                                          at::MemoryFormat::ChannelsLast));
  write_crops(pixels.to(device), crops, map, output);
  const at::Tensor host = output.cpu();
  const auto values = host.accessor<float, 4>();
  for (size_t i = 0; i < crops.size(); ++i) {
    for (int64_t c = 0; c < channels; ++c) {
      for (int64_t y = 0; y < size.height; ++y) {
        for (int64_t x = 0; x < size.width; ++x) {
          CHECK_NEAR(values[static_cast<int64_t>(i)][c][y][x], reference(pixels, crops[i], map, size, c, y, x), 1e-3);
        }
      }
    }
  }
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
    check_crops(at::randint(0, 256, {images, height, width, channels}, at::kByte), crops, {16, 20}, device);
  }
}

TEST_ON_DEVICES("crops of sizes that no block of threads fits, and of many taps, are as in float64") {
  at::manual_seed(7);
  const std::vector<ImageCrop> crops = {
      {2, {3, 5, 19, 27, true, true}}, {0, {0, 0, 37, 41, true, false}}, {1, {2, 0, 35, 40, false, true}},
      {1, {1, 1, 19, 5, true, false}}, {2, {36, 0, 1, 41, false, false}},
  };
  for (const int64_t channels : {1, 3}) {
    const at::Tensor pixels = at::randint(0, 256, {images, height, width, channels}, at::kByte);
    for (const ImageSize size : {ImageSize{19, 27}, ImageSize{1, 2}, ImageSize{9, 1}, ImageSize{2, 211}}) {
      check_crops(pixels, crops, size, device);
    }
    // More taps than a GPU keeps weights of.
    check_crops(at::randint(0, 256, {1, 200, 30, channels}, at::kByte),
                {{0, {0, 0, 200, 30, false, true}}, {0, {9, 3, 190, 20, true, false}}, {0, {7, 1, 1, 20, true, true}}}, {1, 20},
                device);
  }
}

TEST_ON_DEVICES("crops on a GPU are those on the CPU, bit by bit") {
  if (device.is_cpu()) throw Skipped("it is what the GPU's are compared with");
  at::manual_seed(8);
  const std::vector<ImageCrop> crops = {
      {0, {0, 0, 24, 33, true, true}},  {2, {13, 8, 24, 33, false, false}}, {1, {3, 2, 9, 11, false, true}},
      {2, {0, 0, 37, 41, true, false}}, {0, {5, 1, 24, 40, false, false}},
  };
  for (const int64_t channels : {1, 3}) {
    const at::Tensor pixels = at::randint(0, 256, {images, height, width, channels}, at::kByte);
    const at::Tensor expected = at::empty({static_cast<int64_t>(crops.size()), channels, 24, 33},
                                          at::TensorOptions().dtype(at::kFloat).memory_format(at::MemoryFormat::ChannelsLast));
    const at::Tensor output = at::empty_like(expected, at::TensorOptions().device(device));
    write_crops(pixels, crops, map_of(channels), expected);
    write_crops(pixels.to(device), crops, map_of(channels), output);
    CHECK(at::equal(output.cpu(), expected));
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
