// Convolutions in steps of one on a GPU, with gradients by their weights of our own.
#pragma once

#include <array>
#include <optional>

#include <ATen/core/Tensor.h>

namespace finepune {

// [N, out, H + 2 padding[0] - T + 1, ...]: `images` [N, C, H, W], on a CUDA device, convolved with `taps` [out, C, T, T], and
// `bias` [out] added; in bfloat16 under autocast. Everything is libtorch's but the gradient by the taps, which comes from
// ops/tap_gradient.h where that has a kernel.
at::Tensor tap_convolution(const at::Tensor& images, const at::Tensor& taps, const std::optional<at::Tensor>& bias,
                           std::array<int64_t, 2> padding);

}  // namespace finepune
