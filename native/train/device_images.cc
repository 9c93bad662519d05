#include "train/device_images.h"

#include <ATen/Functions.h>

#include "ops/device.h"

namespace finepune {

DeviceImages::DeviceImages(std::shared_ptr<const ImageFile> file, at::Device device)
    : file_(std::move(file)), device_(device) {}

const at::Tensor& DeviceImages::all() {
  if (decided_) return all_;
  const ImageFile& file = *file_;
  const int64_t bytes = file.records() * file.height() * file.width() * file.channels();
  if (bytes <= free_device_memory(device_) / 4) {
    // Only read.
    void* pixels = const_cast<uint8_t*>(file.record(0));
    all_ = at::from_blob(pixels, {file.records(), file.height(), file.width(), file.channels()}, at::kByte).to(device_);
  }
  decided_ = true;
  return all_;
}

}  // namespace finepune
