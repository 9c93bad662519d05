// ops/folded_pixels.h on raw device memory; no libtorch here.
#pragma once

#include <cstdint>

#include <cuda_runtime_api.h>

#include "ops/cuda/element.h"

namespace finepune::cuda {

// Images [images][height][width][channels] become [images][block_rows][block_columns][folded_channels].
struct FoldJob {
  const float* pixels;
  void* folded;
  Element element;
  int64_t images;
  int32_t height, width, channels;
  int32_t stride, top, left;
  int32_t block_rows, block_columns, folded_channels;
};

// Queued on `stream` of the current device; throws Error("E_DEVICE") where the launch is refused.
void launch_fold(const FoldJob& job, cudaStream_t stream);

}  // namespace finepune::cuda
