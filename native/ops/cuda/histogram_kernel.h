// Magnitude histogram on raw device memory; no libtorch here.
#pragma once

#include <cstdint>

#include <cuda_runtime_api.h>

namespace finepune::cuda {

// Bins as in ops/magnitude_histogram.h: 32,768 of pruned entries, then as many of kept ones, to which the counts are
// added. `mask` null: everything is kept. `count`: entries, 0 or more. Queued on `stream` of the current device; throws
// Error("E_DEVICE") where the launch is refused.
void launch_histogram(const float* weight, const uint8_t* mask, int64_t count, uint32_t* bins, cudaStream_t stream);

}  // namespace finepune::cuda
