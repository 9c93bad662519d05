// Activations as the kernels read and write them: in float32, whatever they are stored as.
#pragma once

#include <cuda_bf16.h>

namespace finepune::cuda {

__device__ inline float as_float(float value) { return value; }
__device__ inline float as_float(__nv_bfloat16 value) { return __bfloat162float(value); }
__device__ inline void set(float& to, float value) { to = value; }
__device__ inline void set(__nv_bfloat16& to, float value) { to = __float2bfloat16_rn(value); }

}  // namespace finepune::cuda
