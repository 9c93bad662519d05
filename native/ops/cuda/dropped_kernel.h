// ops/dropped.h on raw device memory; no libtorch here.
#pragma once

#include <cstdint>

#include <cuda_runtime_api.h>

#include "ops/cuda/element.h"

namespace finepune::cuda {

struct DropJob {
  Element element;
  const void* values;
  void* result;
  int64_t count;
  // Of 2^32: draws below it drop.
  uint64_t threshold;
  float scale;
  const int64_t* seed;
  uint64_t label;
};

// Queued on `stream` of the current device; throws Error("E_DEVICE") where the launch is refused.
void launch_drop(const DropJob& job, cudaStream_t stream);

}  // namespace finepune::cuda
