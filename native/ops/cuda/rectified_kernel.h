// ops/rectified_sums.h on raw device memory; no libtorch here.
#pragma once

#include <cstdint>

#include <cuda_runtime_api.h>

#include "ops/cuda/activation_shape.h"

namespace finepune::cuda {

// All are queued on `stream` of the current device and throw Error("E_DEVICE") where a launch is refused. Sizes of 0 do
// nothing but set sums over nothing to 0.

// `bias`: [channels] or null.
void launch_rectify(const ActivationShape& shape, int64_t pixels, void* sums, const float* bias, cudaStream_t stream);

// `kept` says which gradients count: where `outputs` is not null, those of outputs above 0 (or NaN); else those of
// places other than kNowhere. Writes the gradients that count, and 0 for the others, to `result`, unless that is null.
struct KeptGradients {
  const void* gradients;
  const void* outputs;
  const uint8_t* places;
  void* result;
};

// Rows of float32 [channels] that launch_keep_gradients needs as scratch memory for the sums of so many pixels.
int32_t partial_sums(int64_t pixels, int32_t channels);

// Sums over the pixels go to `bias_gradient` [channels] by way of `scratch`, unless both are null.
void launch_keep_gradients(const ActivationShape& shape, int64_t pixels, const KeptGradients& kept, float* scratch,
                           float* bias_gradient, cudaStream_t stream);

}  // namespace finepune::cuda
