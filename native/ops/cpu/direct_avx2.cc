// AVX2 kernels of serving. See CMakeLists.txt for how this file is compiled.
#include "ops/cpu/direct_kernels.h"

#include <immintrin.h>

namespace finepune::cpu {

namespace {

using Vector = __m256;
constexpr int kLanes = 8, kSparseVectors = 12, kMergedVectors = 3, kDenseRows = 4, kDenseVectors = 3,
              kDenseUnroll = 4;

inline Vector load(const float* from) { return _mm256_loadu_ps(from); }
inline void store(float* to, Vector value) { _mm256_storeu_ps(to, value); }
inline Vector broadcast(float value) { return _mm256_set1_ps(value); }
inline Vector multiply_add(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }

inline void sum_lanes(const Vector (&vectors)[4], float* to) {
  const Vector halves =
      _mm256_hadd_ps(_mm256_hadd_ps(vectors[0], vectors[1]), _mm256_hadd_ps(vectors[2], vectors[3]));
  _mm_storeu_ps(to, _mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps(halves, 1)));
}

#include "ops/cpu/direct_body.inc"

}  // namespace

const DirectKernels direct_avx2 = {
    "avx2", kLanes, kMergedVectors, kDenseVectors, dense, copy_panels, sparse, scatter, correlate, merged,
    winograd_input, winograd_output, panel_dot, sparse_dot, sparse_columns, write_rows, max_row, sum_row, response};

}  // namespace finepune::cpu
