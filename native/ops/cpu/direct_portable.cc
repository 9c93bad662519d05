// Kernels of serving for any CPU.
#include "ops/cpu/direct_kernels.h"

namespace finepune::cpu {

namespace {

#include "ops/cpu/vector_portable.inc"

constexpr int kSparseVectors = 12, kMergedVectors = 2, kDenseRows = 4, kDenseVectors = 3,
              kDenseUnroll = 1, kTapUnroll = 1;

inline void sum_lanes(const Vector (&vectors)[4], float* to) {
  for (int i = 0; i < 4; ++i) to[i] = (vectors[i][0] + vectors[i][1]) + (vectors[i][2] + vectors[i][3]);
}

#include "ops/cpu/direct_body.inc"

}  // namespace

const DirectKernels direct_portable = {
    "portable", kLanes, kMergedVectors, 0, dense, copy_panels, sparse, scatter, correlate, merged,
    winograd_input, winograd_output, panel_dot, sparse_dot, sparse_columns, write_rows, max_row, sum_row, response,
    &tile_portable};

}  // namespace finepune::cpu
