// The way from uint8 pixels to normalised floats.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "ops/crop_types.h"

namespace finepune {

// Writes `crop` of `pixels` (HWC, map.channels channels) as output.height x output.width x channels floats (HWC).
// A crop of the output's size is copied exactly; another is resized by bilinear interpolation, with the triangle filter
// widened where it shrinks (antialiased, pixel centres at half integers: torchvision's resize of an image).
void write_crop(const uint8_t* pixels, ImageSize image, const Crop& crop, const ChannelMap& map, ImageSize output,
                float* destination);

// As write_crop for many: crop i of `images` (uint8 [R, H, W, C], contiguous) becomes image i of `output` (float32
// [N, C, H', W'] in channels_last memory, N the number of crops), on the device of both. On a GPU it is queued on the
// current stream. Throws std::invalid_argument on tensors that do not fit together, or a crop of an image that is not
// there.
void write_crops(const at::Tensor& images, const std::vector<ImageCrop>& crops, const ChannelMap& map,
                 const at::Tensor& output);

}  // namespace finepune
