// Compiled for AVX2; reached only where the CPU has it.
#include <immintrin.h>

#include "ops/cpu/step_kernels.h"

namespace finepune::cpu {

namespace {

constexpr int64_t lanes = 8;

// 8 bytes of 0 or 1 as 8 lanes of all zeros or all ones.
inline __m256 load_mask(const uint8_t* bytes) {
  const __m256i wide = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes)));
  return _mm256_castsi256_ps(_mm256_cmpgt_epi32(wide, _mm256_setzero_si256()));
}

// The inverse of load_mask.
inline void store_mask(uint8_t* bytes, __m256 mask) {
  const __m256i ones = _mm256_and_si256(_mm256_castps_si256(mask), _mm256_set1_epi32(1));
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(ones), _mm256_extracti128_si256(ones, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(bytes), _mm_packus_epi16(words, words));
}

template <bool Masked, bool Refresh, bool Frozen, bool Stream>
int64_t run(const StepSpan& span, const StepRates& rates, const MaskThresholds* refresh) {
  const __m256 learning_rate = _mm256_set1_ps(rates.learning_rate);
  const __m256 momentum_factor = _mm256_set1_ps(rates.momentum);
  const __m256 decay = _mm256_set1_ps(rates.weight_decay);
  const __m256 scale = _mm256_set1_ps(rates.gradient_scale);
  const __m256 lower = _mm256_set1_ps(Refresh ? refresh->lower : 0.0f);
  const __m256 upper = _mm256_set1_ps(Refresh ? refresh->upper : 0.0f);
  const __m256 sign = _mm256_set1_ps(-0.0f);
  int64_t ones = 0;
  int64_t i = 0;
  for (; i + lanes <= span.count; i += lanes) {
    const __m256 weight = _mm256_loadu_ps(span.shadow + i);
    const __m256 gradient = _mm256_loadu_ps(span.gradient + i);
    const __m256 old_momentum = _mm256_loadu_ps(span.momentum + i);
    __m256 kept = _mm256_castsi256_ps(_mm256_set1_epi32(-1));
    if constexpr (Masked) kept = load_mask(span.mask + i);
    const __m256 total =
        _mm256_add_ps(_mm256_mul_ps(gradient, scale), _mm256_mul_ps(weight, _mm256_and_ps(kept, decay)));
    __m256 momentum = _mm256_add_ps(_mm256_mul_ps(momentum_factor, old_momentum), total);
    __m256 updated = _mm256_sub_ps(weight, _mm256_mul_ps(learning_rate, momentum));
    if constexpr (Masked && Frozen) {
      momentum = _mm256_and_ps(kept, momentum);
      updated = _mm256_blendv_ps(weight, updated, kept);
    }
    _mm256_storeu_ps(span.momentum + i, momentum);
    _mm256_storeu_ps(span.shadow + i, updated);
    if constexpr (!Masked) {
      if (span.parameter != span.shadow) _mm256_storeu_ps(span.parameter + i, updated);
      continue;
    }
    if constexpr (Refresh) {
      const __m256 size = _mm256_andnot_ps(sign, updated);
      const __m256 below = _mm256_cmp_ps(size, lower, _CMP_LT_OQ);
      const __m256 above = _mm256_cmp_ps(size, upper, _CMP_GE_OQ);
      kept = _mm256_or_ps(_mm256_andnot_ps(below, kept), above);
      store_mask(span.mask + i, kept);
    }
    const __m256 product = _mm256_and_ps(kept, updated);
    if constexpr (Stream) {
      _mm256_stream_ps(span.parameter + i, product);
    } else {
      _mm256_storeu_ps(span.parameter + i, product);
    }
    ones += __builtin_popcount(static_cast<unsigned>(_mm256_movemask_ps(kept)));
  }
  if constexpr (Stream) _mm_sfence();
  if (i < span.count) {
    const StepSpan rest{span.parameter + i, span.shadow + i,          span.momentum + i, span.gradient + i,
                        Masked ? span.mask + i : nullptr, span.count - i, false};
    ones += step_portable(rest, rates, Frozen ? PrunedEntries::frozen : PrunedEntries::learning,
                          Refresh ? refresh : nullptr);
  }
  return ones;
}

template <bool Refresh, bool Frozen>
int64_t pick_stream(const StepSpan& span, const StepRates& rates, const MaskThresholds* refresh) {
  return span.stream ? run<true, Refresh, Frozen, true>(span, rates, refresh)
                     : run<true, Refresh, Frozen, false>(span, rates, refresh);
}

}  // namespace

int64_t step_avx2(const StepSpan& span, const StepRates& rates, PrunedEntries pruned, const MaskThresholds* refresh) {
  if (span.mask == nullptr) {
    run<false, false, false, false>(span, rates, nullptr);
    return 0;
  }
  const bool frozen = pruned == PrunedEntries::frozen;
  if (refresh != nullptr) {
    return frozen ? pick_stream<true, true>(span, rates, refresh) : pick_stream<true, false>(span, rates, refresh);
  }
  return frozen ? pick_stream<false, true>(span, rates, nullptr) : pick_stream<false, false>(span, rates, nullptr);
}

}  // namespace finepune::cpu
