// The gradient by the weight of a convolution in steps of one on a GPU. Its sums run over pixels, which lie apart in
// channels_last memory; libraries multiply them at about half the rate of the other products (test/bench/NOTES.md).
#pragma once

#include <array>
#include <cstdint>

#include <ATen/core/Tensor.h>

namespace finepune {

// Convolutions of one group in steps of one, without dilation: `side` x `side` taps, padding above and below, and at the
// left and right.
struct Taps {
  int64_t side = 3;
  std::array<int64_t, 2> padding = {0, 0};
};

// Whether there is a kernel for a convolution of `images` [N, C, H, W] to `outputs` channels: float32 in channels_last
// memory on a CUDA device, on 16 bytes, where products of convolutions may be tensor_float32's, and device and numbers of
// channels as plan_tap_gradients wants them.
bool has_tap_gradient(const at::Tensor& images, int64_t outputs, const Taps& taps);

// [outputs, C, side, side] in channels_last memory, of the `gradient` [N, outputs, ...] by the output, for images that
// has_tap_gradient. Products in tensor_float32, sums in float32 and in one order. Queued on the current stream. Throws
// Error("E_DEVICE") where a launch is refused.
at::Tensor tap_gradient(const at::Tensor& images, const at::Tensor& gradient, const Taps& taps);

}  // namespace finepune
