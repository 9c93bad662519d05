// Compiled for AVX-512 F, BW, DQ and VL; reached only where the CPU has them.
#include <immintrin.h>

#include "ops/cpu/step_kernels.h"

namespace finepune::cpu {

namespace {

constexpr int64_t lanes = 16;

template <bool Masked, bool Refresh, bool Frozen, bool Stream>
int64_t run(const StepSpan& span, const StepRates& rates, const MaskThresholds* refresh) {
  const __m512 learning_rate = _mm512_set1_ps(rates.learning_rate);
  const __m512 momentum_factor = _mm512_set1_ps(rates.momentum);
  const __m512 decay = _mm512_set1_ps(rates.weight_decay);
  const __m512 scale = _mm512_set1_ps(rates.gradient_scale);
  const __m512 lower = _mm512_set1_ps(Refresh ? refresh->lower : 0.0f);
  const __m512 upper = _mm512_set1_ps(Refresh ? refresh->upper : 0.0f);
  int64_t ones = 0;
  for (int64_t i = 0; i < span.count; i += lanes) {
    const int64_t left = span.count - i;
    const __mmask16 live = left >= lanes ? 0xFFFF : static_cast<__mmask16>((1u << left) - 1);
    const __m512 weight = _mm512_maskz_loadu_ps(live, span.shadow + i);
    const __m512 gradient = _mm512_maskz_loadu_ps(live, span.gradient + i);
    const __m512 old_momentum = _mm512_maskz_loadu_ps(live, span.momentum + i);
    __mmask16 kept = live;
    if constexpr (Masked) {
      const __m128i bytes = _mm_maskz_loadu_epi8(live, span.mask + i);
      kept = _mm_test_epi8_mask(bytes, bytes);
    }
    const __m512 kept_decay = _mm512_maskz_mov_ps(kept, decay);
    const __m512 total = _mm512_add_ps(_mm512_mul_ps(gradient, scale), _mm512_mul_ps(weight, kept_decay));
    __m512 momentum = _mm512_add_ps(_mm512_mul_ps(momentum_factor, old_momentum), total);
    __m512 updated = _mm512_sub_ps(weight, _mm512_mul_ps(learning_rate, momentum));
    if constexpr (Masked && Frozen) {
      momentum = _mm512_maskz_mov_ps(kept, momentum);
      updated = _mm512_mask_mov_ps(weight, kept, updated);
    }
    _mm512_mask_storeu_ps(span.momentum + i, live, momentum);
    _mm512_mask_storeu_ps(span.shadow + i, live, updated);
    if constexpr (!Masked) {
      if (span.parameter != span.shadow) _mm512_mask_storeu_ps(span.parameter + i, live, updated);
      continue;
    }
    if constexpr (Refresh) {
      const __m512 size = _mm512_abs_ps(updated);
      const __mmask16 below = _mm512_cmp_ps_mask(size, lower, _CMP_LT_OQ);
      const __mmask16 above = _mm512_cmp_ps_mask(size, upper, _CMP_GE_OQ);
      kept = static_cast<__mmask16>(((kept & ~below) | above) & live);
      _mm_mask_storeu_epi8(span.mask + i, live, _mm_maskz_set1_epi8(kept, 1));
    }
    const __m512 product = _mm512_maskz_mov_ps(kept, updated);
    if (Stream && left >= lanes) {
      _mm512_stream_ps(span.parameter + i, product);
    } else {
      _mm512_mask_storeu_ps(span.parameter + i, live, product);
    }
    ones += _mm_popcnt_u32(kept);
  }
  if constexpr (Stream) _mm_sfence();
  return ones;
}

template <bool Refresh, bool Frozen>
int64_t pick_stream(const StepSpan& span, const StepRates& rates, const MaskThresholds* refresh) {
  return span.stream ? run<true, Refresh, Frozen, true>(span, rates, refresh)
                     : run<true, Refresh, Frozen, false>(span, rates, refresh);
}

}  // namespace

int64_t step_avx512(const StepSpan& span, const StepRates& rates, PrunedEntries pruned, const MaskThresholds* refresh) {
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
