// Blocks of pixels as channels of one pixel, on a GPU.
#pragma once

#include <array>
#include <cstdint>

#include <ATen/core/Tensor.h>

namespace finepune {

// Where blocks of `stride` x `stride` pixels lie: the first begins `top` rows above the image and `left` columns before it;
// `blocks` are rows and columns of them. Pixels outside are zeros.
struct BlockGrid {
  int64_t stride = 1, top = 0, left = 0;
  std::array<int64_t, 2> blocks = {0, 0};
};

// [N, channels, blocks...] in channels_last memory, of `images` [N, C, H, W], float32, in channels_last memory on a CUDA
// device: of a block, its pixels by rows, channels last, and zeros up to `channels`. `type`: float32 or bfloat16. Queued on
// the current stream. Throws Error("E_DEVICE") where the launch is refused.
at::Tensor fold_pixels(const at::Tensor& images, const BlockGrid& grid, int64_t channels, at::ScalarType type);

}  // namespace finepune
