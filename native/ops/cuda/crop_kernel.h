// Cropping, resizing and normalising uint8 images on raw device memory; no libtorch here.
#pragma once

#include <cstdint>

#include <cuda_runtime_api.h>

#include "ops/crop_types.h"

namespace finepune::cuda {

// `images` (HWC each, one after the other, of size `stored`) and `crops` (`count` of them, 0 or more) in device memory;
// `output`: count x size.height x size.width x map.channels floats there.
struct CropJob {
  const uint8_t* images;
  ImageSize stored;
  const ImageCrop* crops;
  int64_t count;
  ChannelMap map;
  ImageSize size;
  float* output;
};

// ops/write_crop.h's function for all crops, queued on `stream` of the current device. Throws Error("E_DEVICE") where
// the launch is refused.
void launch_crops(const CropJob& job, cudaStream_t stream);

}  // namespace finepune::cuda
