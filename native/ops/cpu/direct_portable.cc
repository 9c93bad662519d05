// Kernels of serving for any CPU.
#include "ops/cpu/direct_kernels.h"

namespace finepune::cpu {

namespace {

// Four lanes are what every x86-64 and every ARMv8 has; the compiler makes scalars of them elsewhere.
typedef float Vector __attribute__((vector_size(16)));
constexpr int kLanes = 4, kSparseVectors = 12, kMergedVectors = 2, kDenseRows = 4, kDenseVectors = 3,
              kDenseUnroll = 1, kTapUnroll = 1;

inline Vector load(const float* from) {
  Vector value;
  __builtin_memcpy(&value, from, sizeof(value));
  return value;
}
inline void store(float* to, Vector value) { __builtin_memcpy(to, &value, sizeof(value)); }
inline Vector broadcast(float value) { return Vector{value, value, value, value}; }
inline Vector multiply_add(Vector a, Vector b, Vector c) { return a * b + c; }

inline void sum_lanes(const Vector (&vectors)[4], float* to) {
  for (int i = 0; i < 4; ++i) to[i] = (vectors[i][0] + vectors[i][1]) + (vectors[i][2] + vectors[i][3]);
}

#include "ops/cpu/direct_body.inc"

}  // namespace

const DirectKernels direct_portable = {
    "portable", kLanes, kMergedVectors, 0, dense, copy_panels, sparse, scatter, correlate, merged,
    winograd_input, winograd_output, panel_dot, sparse_dot, sparse_columns, write_rows, max_row, sum_row, response};

}  // namespace finepune::cpu
