#include "ops/cuda/crop_kernel.h"

#include "ops/write_crop.h"
#include "support.h"

namespace finepune::test {
namespace {

constexpr int64_t kImages = 3;

std::vector<ImageCrop> crops_of(const ImageSize& stored, const ImageSize& size) {
  const int64_t height = std::min(stored.height, size.height), width = std::min(stored.width, size.width);
  std::vector<ImageCrop> crops;
  for (const bool vertically : {false, true}) {
    for (const bool horizontally : {false, true}) {
      // Copied, where it fits; resized by a little and by much.
      crops.push_back({1, {stored.height - height, stored.width - width, height, width, horizontally, vertically}});
      crops.push_back({2, {0, 0, stored.height, stored.width, horizontally, vertically}});
      crops.push_back({0, {1, 2, stored.height / 2, stored.width / 3, horizontally, vertically}});
      crops.push_back({1, {stored.height - 1, 0, 1, 1, horizontally, vertically}});
    }
  }
  return crops;
}

void check_crops(const ImageSize& stored, const ImageSize& size, const ChannelMap& map) {
  std::mt19937 generator(12);
  std::vector<uint8_t> images(static_cast<size_t>(kImages * stored.height * stored.width * map.channels));
  for (uint8_t& value : images) value = static_cast<uint8_t>(generator());
  const std::vector<ImageCrop> crops = crops_of(stored, size);
  const int64_t values = size.height * size.width * map.channels;
  std::vector<float> expected(crops.size() * static_cast<size_t>(values));
  for (size_t i = 0; i < crops.size(); ++i) {
    const uint8_t* pixels = images.data() + crops[i].image * stored.height * stored.width * map.channels;
    write_crop(pixels, stored, crops[i].crop, map, size, expected.data() + i * static_cast<size_t>(values));
  }
  emulation::for_each_schedule([&] {
    Memory<uint8_t> from(images);
    Memory<float> to(expected.size());
    cuda::launch_crops({from.data(), stored, crops.data(), static_cast<int64_t>(crops.size()), map, size, to.data()},
                       nullptr);
    CHECK(same_bits(to.values(), expected));
  });
}

constexpr ChannelMap kGrey{1, {0, 0, 0}, {0.02f, 1, 1}, {-1.5f, 0, 0}};
constexpr ChannelMap kColours{3, {2, 0, 1}, {0.5f, 0.25f, 2.0f}, {1.0f, -3.0f, 0.1f}};

}  // namespace

TEST("emulated crops: copies and resized images get the bits of the CPU's, by rows of one image") {
  for (const ChannelMap& map : {kGrey, kColours}) {
    check_crops({20, 24}, {17, 19}, map);
    check_crops({9, 11}, {32, 33}, map);
    check_crops({40, 36}, {5, 3}, map);
  }
}

TEST("emulated crops: rows too wide for shared memory get the same bits") {
  check_crops({12, 1700}, {4, 40}, kColours);
  check_crops({6, 30}, {3, 4100}, kGrey);
}

}  // namespace finepune::test
