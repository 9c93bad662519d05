// ops/tally.h on raw device memory; no libtorch here.
#pragma once

#include <cstdint>

#include <cuda_runtime_api.h>

namespace finepune::cuda {

struct TallyJob {
  const float* loss;
  const float* logits;
  const int64_t* labels;
  int64_t images;
  int64_t classes;
  float* loss_out;
  int64_t* right_out;
  bool* proceed;
};

// Queued on `stream` of the current device; throws Error("E_DEVICE") where the launch is refused.
void launch_tally(const TallyJob& job, cudaStream_t stream);

}  // namespace finepune::cuda
