// ops/cross_entropy.h on raw device memory; no libtorch here.
#pragma once

#include <cstdint>

#include <cuda_runtime_api.h>

namespace finepune::cuda {

struct CrossEntropyJob {
  const float* logits;  // [images][classes]
  const int64_t* labels;
  int64_t images;
  int64_t classes;
  float label_smoothing;
  float* losses;    // [images], each divided by their number
  float* gradient;  // as logits
};

// Queued on `stream` of the current device; throws Error("E_DEVICE") where the launch is refused.
void launch_cross_entropy(const CrossEntropyJob& job, cudaStream_t stream);

}  // namespace finepune::cuda
