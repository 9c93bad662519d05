#include <stdexcept>

#include <ATen/Parallel.h>

#include "ops/write_crop.h"

#ifdef FINEPUNE_WITH_CUDA
#include "ops/cuda/operators.h"
#endif

namespace finepune {

namespace {

void check(const at::Tensor& images, const std::vector<ImageCrop>& crops, const ChannelMap& map,
           const at::Tensor& output) {
  const auto expect = [](bool good, const char* what) {
    if (!good) throw std::invalid_argument(std::string("expected ") + what + " to crop images");
  };
  expect(images.scalar_type() == at::kByte && images.dim() == 4 && images.is_contiguous(),
         "contiguous uint8 images [R, H, W, C]");
  expect(images.size(3) == map.channels && (map.channels == 1 || map.channels == 3), "images of 1 or 3 channels");
  expect(output.scalar_type() == at::kFloat && output.dim() == 4 && output.size(1) == map.channels &&
             output.is_contiguous(at::MemoryFormat::ChannelsLast),
         "a float32 output [N, C, H, W] in channels_last memory");
  expect(output.size(0) == static_cast<int64_t>(crops.size()), "as many crops as the output has images");
  expect(images.device() == output.device(), "images and output on one device");
  for (const ImageCrop& item : crops) {
    const Crop& crop = item.crop;
    expect(item.image >= 0 && item.image < images.size(0), "crops of images that are there");
    expect(crop.top >= 0 && crop.left >= 0 && crop.height >= 1 && crop.width >= 1 &&
               crop.height <= images.size(1) - crop.top && crop.width <= images.size(2) - crop.left,
           "crops inside the images");
  }
}

}  // namespace

void write_crops(const at::Tensor& images, const std::vector<ImageCrop>& crops, const ChannelMap& map,
                 const at::Tensor& output) {
  check(images, crops, map, output);
  if (output.numel() == 0) return;
#ifdef FINEPUNE_WITH_CUDA
  if (output.is_cuda()) return cuda::write_crops(images, crops, map, output);
#endif
  const ImageSize stored{images.size(1), images.size(2)};
  const ImageSize size{output.size(2), output.size(3)};
  const int64_t image_bytes = stored.height * stored.width * map.channels;
  const int64_t entries = size.height * size.width * map.channels;
  const uint8_t* pixels = images.const_data_ptr<uint8_t>();
  float* destination = output.data_ptr<float>();
  at::parallel_for(0, output.size(0), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const ImageCrop& item = crops[static_cast<size_t>(i)];
      write_crop(pixels + item.image * image_bytes, stored, item.crop, map, size, destination + i * entries);
    }
  });
}

}  // namespace finepune
