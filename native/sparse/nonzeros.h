// Non-zeros of a float32 tensor seen as patterns: everything but +0.0.
#pragma once

#include <emmintrin.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace finepune {

// visit(index, pattern) in order.
template <typename Visit>
void for_each_nonzero(std::span<const uint32_t> patterns, const Visit& visit) {
  size_t i = 0;
  const __m128i zero = _mm_setzero_si128();
  for (; i + 16 <= patterns.size(); i += 16) {
    const auto* at = reinterpret_cast<const __m128i*>(patterns.data() + i);
    const __m128i low =
        _mm_packs_epi32(_mm_cmpeq_epi32(_mm_loadu_si128(at), zero), _mm_cmpeq_epi32(_mm_loadu_si128(at + 1), zero));
    const __m128i high =
        _mm_packs_epi32(_mm_cmpeq_epi32(_mm_loadu_si128(at + 2), zero), _mm_cmpeq_epi32(_mm_loadu_si128(at + 3), zero));
    auto mask = static_cast<uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(low, high))) ^ 0xFFFFu;
    while (mask != 0) {
      const size_t index = i + static_cast<size_t>(std::countr_zero(mask));
      visit(index, patterns[index]);
      mask &= mask - 1;
    }
  }
  for (; i < patterns.size(); ++i) {
    if (patterns[i] != 0) visit(i, patterns[i]);
  }
}

}  // namespace finepune
