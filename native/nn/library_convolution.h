// libtorch's own convolutions. Where no gradient is wanted the rectifier behind one is part of its write, by the
// operator that libtorch has for compiled networks: a pass over memory less. Elsewhere it is a pass of its own.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include <ATen/core/Tensor.h>

#include "output_finish.h"

namespace finepune {

struct LibraryConvolution {
  std::array<int64_t, 2> strides, padding, dilations;
  int64_t groups;
};

// [N, out, H', W'] of `images` [N, in, H, W], `weight` [out, in / groups, height, width] and `bias` [out], a tensor of
// its own: `finish.place` stays empty, and what belongs there is not rectified. With autograd. Rectified in the same
// pass where `finish.finite` allows it: sums that overflow to NaN become zeros then, all others are those of at::relu.
// In bfloat16, values and gradients, where lowers_products says so.
at::Tensor library_convolution(const at::Tensor& images, const at::Tensor& weight,
                               const std::optional<at::Tensor>& bias, const LibraryConvolution& convolution,
                               const OutputFinish& finish);

}  // namespace finepune
