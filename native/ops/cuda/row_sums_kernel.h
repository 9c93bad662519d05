// Sums over rows, on raw device memory; no libtorch here.
#pragma once

#include <cstdint>

#include <cuda_runtime_api.h>

#include "ops/cuda/element.h"

namespace finepune::cuda {

// `rows`: [count][columns].
struct RowSums {
  Element element;
  const void* rows;
  int64_t count;
  int64_t columns;
};

// sums[c] = the sum of rows[i][c] over i, in float32 and in one order; 0 over no rows. Queued on `stream` of the current
// device; throws Error("E_DEVICE") where the launch is refused.
void launch_row_sums(const RowSums& job, float* sums, cudaStream_t stream);

}  // namespace finepune::cuda
