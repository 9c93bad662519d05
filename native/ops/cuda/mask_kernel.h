// Masks of many layers without a gradient step, in one launch, on raw device memory; no libtorch here.
#pragma once

#include <cstdint>
#include <vector>

#include <cuda_runtime_api.h>

#include "ops/step_types.h"

namespace finepune::cuda {

// Addresses in the memory of one device; `count` entries, 0 or more. The number of ones of the mask used is added to
// `*kept`.
struct MaskLayer {
  float* parameter;
  const float* shadow;
  uint8_t* mask;
  int64_t* kept;
  int64_t count;
  MaskThresholds thresholds;
  MaskUse use;
};

// ops/mask.h's function, queued on `stream` of the current device: one launch for each 60 layers. Throws
// Error("E_DEVICE") where a launch is refused.
void launch_masks(const std::vector<MaskLayer>& layers, cudaStream_t stream);

}  // namespace finepune::cuda
