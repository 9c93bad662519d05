// Kernels of serving for every x86-64.
#include "ops/cpu/direct_kernels.h"

namespace finepune::cpu {

namespace {

#include "ops/cpu/vector_portable.inc"

constexpr int kSparseVectors = 12, kMergedVectors = 2, kDenseRows = 4, kDenseVectors = 3,
              kDenseUnroll = 1, kTapUnroll = 1;

inline void sum_lanes(const Vector (&vectors)[4], float* to) {
  for (int i = 0; i < 4; ++i) to[i] = (vectors[i][0] + vectors[i][1]) + (vectors[i][2] + vectors[i][3]);
}

typedef int32_t Cells __attribute__((vector_size(kLanes * sizeof(int32_t))));

inline Cells load_places(const uint8_t* from) { return Cells{from[0], from[1], from[2], from[3]}; }
inline void store_places(uint8_t* to, Cells cells) {
  for (int i = 0; i < kLanes; ++i) to[i] = static_cast<uint8_t>(cells[i]);
}

#include "ops/cpu/direct_body.inc"
#include "ops/cpu/placed_pool_body.inc"

int64_t pack(const float* values, int64_t count, uint16_t* offsets, float* kept) {
  int64_t at = 0;
  for (int64_t i = 0; i < count; ++i) {
    kept[at] = values[i];
    offsets[at] = static_cast<uint16_t>(i);
    at += values[i] != 0;
  }
  return at;
}

}  // namespace

const DirectKernels direct_portable = {
    "portable", kLanes, kMergedVectors, 0, dense, copy_panels, sparse, scatter, correlate, merged,
    winograd_input, winograd_output, panel_dot, sparse_dot, sparse_columns, pack, write_rows, max_row, sum_row,
    placed_max_row, placed_gradient_row, response, &tile_portable};

}  // namespace finepune::cpu
