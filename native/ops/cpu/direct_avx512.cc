// AVX-512 kernels of serving. See CMakeLists.txt for how this file is compiled.
#include "ops/cpu/direct_kernels.h"

#include <immintrin.h>

namespace finepune::cpu {

namespace {

#include "ops/cpu/vector_avx512.inc"

constexpr int kSparseVectors = 24, kMergedVectors = 5, kDenseRows = 8, kDenseVectors = 3,
              kDenseUnroll = 1, kTapUnroll = 1;

inline __m256 half_sums(Vector value) {
  float lanes[kLanes];
  store(lanes, value);
  return _mm256_add_ps(_mm256_loadu_ps(lanes), _mm256_loadu_ps(lanes + 8));
}
inline void sum_lanes(const Vector (&vectors)[4], float* to) {
  const __m256 halves = _mm256_hadd_ps(_mm256_hadd_ps(half_sums(vectors[0]), half_sums(vectors[1])),
                                       _mm256_hadd_ps(half_sums(vectors[2]), half_sums(vectors[3])));
  _mm_storeu_ps(to, _mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps(halves, 1)));
}

typedef int32_t Cells __attribute__((vector_size(kLanes * sizeof(int32_t))));

// All lanes, by the forms that name them: GCC 12 warns of the others' undefined lanes, which there are none of.
constexpr __mmask16 kAllLanes = 0xffff;
inline Cells load_places(const uint8_t* from) {
  return (Cells)_mm512_maskz_cvtepu8_epi32(kAllLanes, _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
inline void store_places(uint8_t* to, Cells cells) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_maskz_cvtepi32_epi8(kAllLanes, (__m512i)cells));
}

#include "ops/cpu/direct_body.inc"
#include "ops/cpu/placed_pool_body.inc"
#include "ops/cpu/pack_avx2.inc"

}  // namespace

const DirectKernels direct_avx512 = {
    "avx512", kLanes, kMergedVectors, 0, dense, copy_panels, sparse, scatter, correlate, merged,
    winograd_input, winograd_output, panel_dot, sparse_dot, sparse_columns, pack, write_rows, max_row, sum_row,
    placed_max_row, placed_gradient_row, response, &tile_avx512};

}  // namespace finepune::cpu
