// The pooling of ops/rectified_sums.h on raw device memory; no libtorch here.
#pragma once

#include <cstdint>

#include <cuda_runtime_api.h>

#include "ops/cuda/activation_shape.h"
#include "ops/pool_grid.h"

namespace finepune::cuda {

// Both are queued on `stream` of the current device and throw Error("E_DEVICE") where a launch is refused. Sizes of 0 do
// nothing. `bias`: [channels] or null.

void launch_pool(const ActivationShape& shape, const PoolGrid& grid, const void* sums, const float* bias, bool rectify,
                 void* values, uint8_t* places, cudaStream_t stream);

void launch_pool_backward(const ActivationShape& shape, const PoolGrid& grid, const void* gradients,
                          const uint8_t* places, void* result, cudaStream_t stream);

}  // namespace finepune::cuda
