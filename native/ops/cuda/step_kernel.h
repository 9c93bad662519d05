// The masked step of many layers in one launch, on raw device memory; no libtorch here.
#pragma once

#include <cstdint>
#include <vector>

#include <cuda_runtime_api.h>

#include "ops/step_types.h"

namespace finepune::cuda {

// Addresses in the memory of one device. `mask` null: a plain step, where shadow and parameter are one memory and `kept`
// is not used. `kept`: the number of ones in the mask, changed by what a refresh changes. `refresh` false: the mask is
// only read. `count`: entries, 0 or more; the memories of two layers do not overlap.
struct StepLayer {
  float* parameter;
  float* shadow;
  float* momentum;
  const float* gradient;
  uint8_t* mask;
  int64_t* kept;
  int64_t count;
  float learning_rate;
  MaskThresholds thresholds;
  bool refresh;
};

// What all layers of a step share. `gradient_scale` and `proceed` are read on the device: a factor on the gradients (null
// for 1), and whether to do anything at all (null for yes).
struct StepShared {
  float momentum;
  float weight_decay;
  const float* gradient_scale;
  const bool* proceed;
  PrunedEntries pruned;
};

// ops/masked_step.h's step, queued on `stream` of the current device: one launch for each 50 layers. The bits are those
// of the CPU's kernels. Throws Error("E_DEVICE") where a launch is refused.
void launch_step(const std::vector<StepLayer>& layers, const StepShared& shared, cudaStream_t stream);

}  // namespace finepune::cuda
