// The gradient by the weight of a convolution in steps of one, on raw device memory; no libtorch here.
#pragma once

#include <cstdint>

#include <cuda_runtime_api.h>

namespace finepune::cuda {

// Activations lie pixel by pixel, channels last, float32: images [count][image_height][image_width][channels], gradients by
// the output [count][height][width][outputs]. Pixel (y, x) of the output is made of taps (r, s), `side` a side, times pixels
// (y + r - top, x + s - left), zeros outside the image. All addresses on 16 bytes.
struct TapGradients {
  const float* images;
  const float* gradients;
  int64_t count;
  int32_t image_height, image_width;
  int32_t height, width;
  int32_t top, left;
  int32_t channels, outputs;
  int32_t side;
};

// How a gradient is shared out: `splits` blocks share the pixels of a tile of the weight, each with sums of its own; a block
// takes `rows` rows of pixels at once.
struct TapPlan {
  int32_t splits = 0;
  int32_t rows = 0;
};

// For the current device. No splits where its compute capability is above 9 or it has no room for such rows, or where the
// kernel has no shape for such a weight: 3 x 3 taps with 48 channels and outputs a multiple of 64 or 96, or with both
// multiples of 64; 5 x 5 with channels a multiple of 64 and outputs of 96. Throws Error("E_DEVICE") where the device cannot
// be asked.
TapPlan plan_tap_gradients(const TapGradients& job);

// Writes [outputs][side][side][channels], the sums over all pixels, to `weight`, by way of `scratch`: as many floats for each
// split, which one split does without (null). Products of tensor cores in tensor_float32, sums in float32 and in one order
// for one plan. Queued on `stream` of the current device; throws Error("E_DEVICE") where a launch is refused.
void launch_tap_gradients(const TapGradients& job, const TapPlan& plan, float* scratch, float* weight,
                          cudaStream_t stream);

}  // namespace finepune::cuda
