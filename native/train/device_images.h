// An image file in a device's memory, so that candidate after candidate is scored without uploading an image again.
#pragma once

#include <memory>

#include <ATen/core/Tensor.h>

#include "train/image_file.h"

namespace finepune {

class DeviceImages {
 public:
  DeviceImages(std::shared_ptr<const ImageFile> file, at::Device device);

  // The images, uint8 [records, height, width, channels], uploaded by the first call; undefined where they would take more
  // than a quarter of the device's free memory.
  const at::Tensor& all();

 private:
  std::shared_ptr<const ImageFile> file_;
  at::Device device_;
  at::Tensor all_;
  bool decided_ = false;
};

}  // namespace finepune
