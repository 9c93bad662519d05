// The masked step of a linear layer whose gradient is the product of two factors, on raw device memory; no libtorch here.
#pragma once

#include <cstdint>

#include <cuda_runtime_api.h>

#include "ops/cuda/step_kernel.h"

namespace finepune::cuda {

// Of y = x W^T: gradients by y [images][outputs] and x [images][inputs]; the gradient by W [outputs][inputs] is the sum
// over images of their products. All addresses on 16 bytes, that of a mask on 4.
struct StepFactors {
  const float* outputs;
  const float* inputs;
  int64_t images;
  int32_t output_count;
  int32_t input_count;
};

// Whether launch_factored_step takes them: both numbers of features are multiples of four, addresses lie where they must.
bool can_step_with(const StepLayer& layer, const StepFactors& factors);

// launch_step of `layer`, whose gradient is not looked at: tiles of the gradient are multiplied by tensor cores, in
// tensor_float32 with sums in float32, and stepped with before they ever reach the device's memory. That spares writing and
// reading as many bytes as the weight has, and the multiplications hide behind what the step must read and write anyway.
// Sums over images are taken in one order. Throws Error("E_DEVICE") where the launch is refused.
void launch_factored_step(const StepLayer& layer, const StepFactors& factors, const StepShared& shared,
                          cudaStream_t stream);

}  // namespace finepune::cuda
