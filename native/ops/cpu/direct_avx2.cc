// AVX2 kernels of serving. See CMakeLists.txt for how this file is compiled.
#include "ops/cpu/direct_kernels.h"

#include <immintrin.h>

namespace finepune::cpu {

namespace {

#include "ops/cpu/vector_avx2.inc"

constexpr int kSparseVectors = 12, kMergedVectors = 3, kDenseRows = 4, kDenseVectors = 3,
              kDenseUnroll = 4, kTapUnroll = 3;

inline void sum_lanes(const Vector (&vectors)[4], float* to) {
  const Vector halves =
      _mm256_hadd_ps(_mm256_hadd_ps(vectors[0], vectors[1]), _mm256_hadd_ps(vectors[2], vectors[3]));
  _mm_storeu_ps(to, _mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps(halves, 1)));
}

// Twelve sums, three vectors of pixels and a weight are all sixteen registers. Where several columns follow without a
// branch, GCC 12 reads a vector of pixels again for every row, or keeps sums in memory: 65 to 75 GFLOP/s for 92.
__attribute__((always_inline)) inline void dense_column(const float* weights, const float* pixels,
                                                        Vector (&sums)[4][3]) {
  asm("vmovups (%[pixels]), %%ymm12\n\t"
      "vbroadcastss (%[weights]), %%ymm15\n\t"
      "vmovups 32(%[pixels]), %%ymm13\n\t"
      "vmovups 64(%[pixels]), %%ymm14\n\t"
      "vfmadd231ps %%ymm12, %%ymm15, %[s00]\n\t"
      "vfmadd231ps %%ymm13, %%ymm15, %[s01]\n\t"
      "vfmadd231ps %%ymm14, %%ymm15, %[s02]\n\t"
      "vbroadcastss 4(%[weights]), %%ymm15\n\t"
      "vfmadd231ps %%ymm12, %%ymm15, %[s10]\n\t"
      "vfmadd231ps %%ymm13, %%ymm15, %[s11]\n\t"
      "vfmadd231ps %%ymm14, %%ymm15, %[s12]\n\t"
      "vbroadcastss 8(%[weights]), %%ymm15\n\t"
      "vfmadd231ps %%ymm12, %%ymm15, %[s20]\n\t"
      "vfmadd231ps %%ymm13, %%ymm15, %[s21]\n\t"
      "vfmadd231ps %%ymm14, %%ymm15, %[s22]\n\t"
      "vbroadcastss 12(%[weights]), %%ymm15\n\t"
      "vfmadd231ps %%ymm12, %%ymm15, %[s30]\n\t"
      "vfmadd231ps %%ymm13, %%ymm15, %[s31]\n\t"
      "vfmadd231ps %%ymm14, %%ymm15, %[s32]"
      : [s00] "+x"(sums[0][0]), [s01] "+x"(sums[0][1]), [s02] "+x"(sums[0][2]), [s10] "+x"(sums[1][0]),
        [s11] "+x"(sums[1][1]), [s12] "+x"(sums[1][2]), [s20] "+x"(sums[2][0]), [s21] "+x"(sums[2][1]),
        [s22] "+x"(sums[2][2]), [s30] "+x"(sums[3][0]), [s31] "+x"(sums[3][1]), [s32] "+x"(sums[3][2])
      : [pixels] "r"(pixels), [weights] "r"(weights), "m"(*reinterpret_cast<const float(*)[24]>(pixels)),
        "m"(*reinterpret_cast<const float(*)[4]>(weights))
      : "xmm12", "xmm13", "xmm14", "xmm15");
}

typedef int32_t Cells __attribute__((vector_size(kLanes * sizeof(int32_t))));

inline Cells load_places(const uint8_t* from) {
  return (Cells)_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from)));
}
inline void store_places(uint8_t* to, Cells cells) {
  const __m256i value = (__m256i)cells;
  const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(value), _mm256_extracti128_si256(value, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packus_epi16(words, words));
}

#include "ops/cpu/direct_body.inc"
#include "ops/cpu/placed_pool_body.inc"
#include "ops/cpu/pack_avx2.inc"

}  // namespace

const DirectKernels direct_avx2 = {
    "avx2", kLanes, kMergedVectors, kDenseVectors, dense, copy_panels, sparse, scatter, correlate, merged,
    winograd_input, winograd_output, panel_dot, sparse_dot, sparse_columns, pack, write_rows, max_row, sum_row,
    placed_max_row, placed_gradient_row, response, &tile_avx2};

}  // namespace finepune::cpu
