#include <cfenv>
#include <limits>
#include <numeric>
#include <set>

#include "check.h"
#include "ops/error.h"
#include "ops/write_crop.h"
#include "train/crop.h"
#include "train/random.h"
#include "train/sample_order.h"

namespace finepune::test {
namespace {

std::vector<uint8_t> gradient_image(int64_t height, int64_t width, int64_t channels) {
  std::vector<uint8_t> pixels(static_cast<size_t>(height * width * channels));
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      for (int64_t c = 0; c < channels; ++c)
        pixels[static_cast<size_t>((y * width + x) * channels + c)] = static_cast<uint8_t>((y * 17 + x * 5 + c * 90) % 256);
  return pixels;
}

}  // namespace

TEST("a centre crop is the middle pixels, normalised exactly, in the network's channel order") {
  const std::vector<uint8_t> pixels = gradient_image(9, 8, 3);
  Normalization normalization{ChannelOrder::bgr, 1.0 / 255, {0.1, 0.2, 0.3}, {0.5, 0.25, 2}};
  const ChannelMap map = make_channel_map(normalization, 3);
  const Crop crop = center_crop({9, 8}, {4, 4});
  // (9 - 4) / 2 = 2.5 rounds to even.
  CHECK_EQUAL(crop.top, 2);
  CHECK_EQUAL(crop.left, 2);
  std::vector<float> output(4 * 4 * 3);
  write_crop(pixels.data(), {9, 8}, crop, map, {4, 4}, output.data());
  for (int64_t y = 0; y < 4; ++y)
    for (int64_t x = 0; x < 4; ++x)
      for (int64_t c = 0; c < 3; ++c) {
        const double value = pixels[static_cast<size_t>(((y + 2) * 8 + x + 2) * 3 + 2 - c)];
        const double expected = (value / 255 - normalization.mean[static_cast<size_t>(c)]) / normalization.std[static_cast<size_t>(c)];
        CHECK_NEAR(output[static_cast<size_t>((y * 4 + x) * 3 + c)], expected, 1e-6);
      }
}

TEST("mirrored crops are the same pixels backwards") {
  const std::vector<uint8_t> pixels = gradient_image(6, 6, 1);
  const ChannelMap map = make_channel_map({ChannelOrder::gray, 1, {0}, {1}}, 1);
  Crop crop = center_crop({6, 6}, {6, 6});
  std::vector<float> plain(36), mirrored(36), turned(36);
  write_crop(pixels.data(), {6, 6}, crop, map, {6, 6}, plain.data());
  crop.mirror_horizontally = true;
  write_crop(pixels.data(), {6, 6}, crop, map, {6, 6}, mirrored.data());
  crop.mirror_vertically = true;
  write_crop(pixels.data(), {6, 6}, crop, map, {6, 6}, turned.data());
  for (size_t y = 0; y < 6; ++y)
    for (size_t x = 0; x < 6; ++x) {
      CHECK_EQUAL(mirrored[y * 6 + x], plain[y * 6 + 5 - x]);
      CHECK_EQUAL(turned[y * 6 + x], plain[(5 - y) * 6 + 5 - x]);
    }
}

TEST("a resized crop interpolates between pixel centres, and averages where it shrinks") {
  const ChannelMap map = make_channel_map({ChannelOrder::gray, 1, {0}, {1}}, 1);
  const std::vector<uint8_t> row = {0, 100, 200, 100};
  Crop crop;
  crop.height = 1;
  crop.width = 4;
  std::vector<float> wide(8);
  write_crop(row.data(), {1, 4}, crop, map, {1, 8}, wide.data());
  const std::vector<float> expected_wide = {0, 25, 75, 125, 175, 175, 125, 100};
  for (size_t i = 0; i < 8; ++i) CHECK_NEAR(wide[i], expected_wide[i], 1e-4);
  std::vector<float> narrow(2);
  write_crop(row.data(), {1, 4}, crop, map, {1, 2}, narrow.data());
  // Triangles of half-width 2 at 1 and 3: weights 0.75 0.75 0.25 (and 0.25 0.75 0.75) of their sum 1.75.
  CHECK_NEAR(narrow[0], (0.75 * 0 + 0.75 * 100 + 0.25 * 200) / 1.75, 1e-4);
  CHECK_NEAR(narrow[1], (0.25 * 100 + 0.75 * 200 + 0.75 * 100) / 1.75, 1e-4);
}

TEST("a mirrored resize is the resize of the mirrored image") {
  const ChannelMap map = make_channel_map({ChannelOrder::rgb, 1, {0, 0, 0}, {1, 1, 1}}, 3);
  const std::vector<uint8_t> pixels = gradient_image(11, 13, 3);
  Crop crop{1, 2, 9, 10, false, false};
  std::vector<float> plain(7 * 7 * 3), mirrored(7 * 7 * 3);
  write_crop(pixels.data(), {11, 13}, crop, map, {7, 7}, plain.data());
  crop.mirror_horizontally = true;
  write_crop(pixels.data(), {11, 13}, crop, map, {7, 7}, mirrored.data());
  for (size_t y = 0; y < 7; ++y)
    for (size_t x = 0; x < 7; ++x)
      for (size_t c = 0; c < 3; ++c) CHECK_EQUAL(mirrored[(y * 7 + x) * 3 + c], plain[(y * 7 + 6 - x) * 3 + c]);
}

TEST("drawn crops stay inside the image, keep to their ranges, and are a function of seed and position") {
  Augmentation augmentation;
  augmentation.kind = Augmentation::Kind::resized_crop;
  augmentation.area_range = {0.1, 0.6};
  augmentation.aspect_range = {0.5, 2};
  augmentation.horizontal_flip = true;
  int flips = 0;
  std::set<int64_t> widths;
  for (uint64_t position = 0; position < 2000; ++position) {
    Random random(9, Purpose::augmentation, position);
    const Crop crop = draw_crop({64, 48}, {32, 32}, augmentation, random);
    CHECK(crop.top >= 0 && crop.left >= 0 && crop.height >= 1 && crop.width >= 1);
    CHECK(crop.top + crop.height <= 64 && crop.left + crop.width <= 48);
    const double share = static_cast<double>(crop.height * crop.width) / (64 * 48);
    // Sides are rounded to whole pixels.
    CHECK(share > 0.08 && share < 0.65);
    flips += crop.mirror_horizontally ? 1 : 0;
    widths.insert(crop.width);
    CHECK(!crop.mirror_vertically);
    Random again(9, Purpose::augmentation, position);
    const Crop same = draw_crop({64, 48}, {32, 32}, augmentation, again);
    CHECK(same.top == crop.top && same.left == crop.left && same.width == crop.width);
  }
  CHECK(flips > 900 && flips < 1100);
  CHECK(widths.size() > 15);
}

TEST("crops of the widest range of aspects stay inside the image, and no side past every integer is rounded to one") {
  Augmentation augmentation;
  augmentation.kind = Augmentation::Kind::resized_crop;
  augmentation.area_range = {std::numeric_limits<double>::denorm_min(), 1};
  augmentation.aspect_range = {std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::max()};
  std::feclearexcept(FE_INVALID);
  for (uint64_t position = 0; position < 200; ++position) {
    Random random(9, Purpose::augmentation, position);
    const Crop crop = draw_crop({64, 48}, {32, 32}, augmentation, random);
    CHECK(crop.top >= 0 && crop.left >= 0 && crop.height >= 1 && crop.width >= 1);
    CHECK(crop.top + crop.height <= 64 && crop.left + crop.width <= 48);
  }
  // What the processor says of a float that the integer asked for does not hold.
  CHECK(!std::fetestexcept(FE_INVALID));
}

TEST("a normalisation that does not fit the channels is refused") {
  CHECK_THROWS(Error, "expected channel order RGB or BGR", make_channel_map({ChannelOrder::gray, 1, {0}, {1}}, 3));
  CHECK_THROWS(Error, "expected 3 values for mean and std", make_channel_map({ChannelOrder::rgb, 1, {0}, {1}}, 3));
  CHECK_THROWS(Error, "positive std", make_channel_map({ChannelOrder::gray, 1, {0}, {0}}, 1));
}

TEST("Philox gives the published values") {
  // Random123's known answers for philox4x32-10 with counter and key zero; here the counter's second word is the purpose,
  // so the first block of purpose 0 is theirs.
  Random random(0, static_cast<Purpose>(0), 0);
  CHECK_EQUAL(random.next(), 0x6627e8d5u);
  CHECK_EQUAL(random.next(), 0xe169c58du);
  CHECK_EQUAL(random.next(), 0xbc57ac4cu);
  CHECK_EQUAL(random.next(), 0x9b00dbd8u);
}

TEST("the order of an epoch is a permutation, another each epoch, and needs no history") {
  SampleOrder order(3, 100);
  std::vector<uint32_t> first, second;
  for (int64_t p = 0; p < 100; ++p) first.push_back(order.sample(p));
  for (int64_t p = 100; p < 200; ++p) second.push_back(order.sample(p));
  CHECK(std::set<uint32_t>(first.begin(), first.end()).size() == 100);
  CHECK(std::set<uint32_t>(second.begin(), second.end()).size() == 100);
  CHECK(first != second);
  SampleOrder fresh(3, 100);
  CHECK_EQUAL(fresh.sample(157), second[57]);
  CHECK_EQUAL(fresh.sample(12), first[12]);
}

}  // namespace finepune::test
