// Convolutions in larger steps as convolutions in steps of one over folded images: pixels of s x s blocks become
// channels of one pixel, and taps the same, filled up with zeros. AlexNet's first layer, 11 x 11 taps in steps of 4 over three
// channels, is one of 3 x 3 taps over 48.
#pragma once

#include <array>
#include <cstdint>

#include <ATen/core/Tensor.h>

#include "attributes.h"
#include "sparse_products.h"

namespace finepune {

// A convolution in steps of `stride` on both sides, of one group and without dilation.
struct Folding {
  int64_t stride = 1, channels = 0;
  std::array<int64_t, 2> kernel, output;
  Padding padding;

  // A side of the folded weight: the next one above kernel / stride that minimal filtering takes; 0 where there is none.
  int64_t taps() const;
  // Of folded images and weights: whole panels, zeros at the end.
  int64_t folded_channels() const;
  UnitConvolution folded() const { return {{taps(), taps()}, {}, 1}; }
};

// [N, folded_channels, output + taps - 1, ...] in channels_last memory, of `images` [N, channels, H, W], padding
// included; float32. Without autograd.
at::Tensor fold_images(const at::Tensor& images, const Folding& folding);

// [out, folded_channels, taps, taps] in channels_last memory, of `weight` [out, channels, height, width], float32. With
// autograd.
at::Tensor fold_weight(const at::Tensor& weight, const Folding& folding);

}  // namespace finepune
