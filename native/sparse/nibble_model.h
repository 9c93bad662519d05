// An adaptive distribution of 16 symbols, and the range asymmetric numeral system (rANS; Duda, arXiv:1311.2540) over
// it.
//
// Notation: F[i], i = 0..16, is the cumulative frequency of the symbols below i, F[0] = 0, F[16] = 2^15. Coding s
// leaves
//   F[i] += (T_s[i] - F[i]) >> r,   T_s[i] = 8 i for i <= s, else 2^15 - 8 (16 - i),   arithmetic shift,
// with the rate r growing from 4 to 7 as the model has seen 8, 24 and 60 symbols. A frequency that starts at 8 or more
// stays at 8 or more: every symbol can always be coded.
#pragma once

#include <emmintrin.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace finepune {

inline constexpr int kScaleBits = 15;
inline constexpr uint32_t kScale = 1u << kScaleBits;
// A state lies in [2^16, 2^32) between symbols and moves by words of 16 bits.
inline constexpr uint32_t kLowestState = 1u << 16;
inline constexpr uint32_t kLeastFrequency = 8;

struct alignas(16) NibbleModel {
  // F.
  std::array<uint16_t, 17> cumulative;
  // Symbols seen, up to 60.
  uint16_t seen = 0;

  // Geometric with mean `mean_sixteenths` / 16, the last symbol taking the tail: frequency(i) = 8 + left * 16 /
  // (16 + mean_sixteenths), where left starts as 2^15 - 16 * 8 and loses what is given beyond the 8.
  static NibbleModel geometric(uint32_t mean_sixteenths) {
    NibbleModel model;
    uint32_t left = kScale - 16 * kLeastFrequency;
    uint32_t below = 0;
    for (uint32_t i = 0; i < 16; ++i) {
      model.cumulative[i] = static_cast<uint16_t>(below);
      const uint32_t share = left * 16 / (16 + mean_sixteenths);
      below += kLeastFrequency + share;
      left -= share;
    }
    model.cumulative[16] = kScale;
    return model;
  }

  static NibbleModel uniform() {
    NibbleModel model;
    for (uint32_t i = 0; i <= 16; ++i) model.cumulative[i] = static_cast<uint16_t>(i * (kScale / 16));
    return model;
  }
};

namespace detail {

struct Targets {
  alignas(16) uint16_t of[16][16];
};

constexpr Targets make_targets() {
  Targets targets{};
  for (uint32_t s = 0; s < 16; ++s) {
    for (uint32_t i = 0; i < 16; ++i) {
      targets.of[s][i] = static_cast<uint16_t>(i <= s ? kLeastFrequency * i : kScale - kLeastFrequency * (16 - i));
    }
  }
  return targets;
}

inline constexpr Targets kTargets = make_targets();

constexpr std::array<uint8_t, 61> make_rates() {
  std::array<uint8_t, 61> rates{};
  for (size_t seen = 0; seen < rates.size(); ++seen) rates[seen] = seen < 8 ? 4 : seen < 24 ? 5 : seen < 60 ? 6 : 7;
  return rates;
}

inline constexpr std::array<uint8_t, 61> kRates = make_rates();

}  // namespace detail

inline void adapt(NibbleModel& model, uint32_t symbol) {
  const __m128i rate = _mm_cvtsi32_si128(detail::kRates[model.seen]);
  model.seen = static_cast<uint16_t>(model.seen + (model.seen < 60));
  for (int half = 0; half < 16; half += 8) {
    auto* at = reinterpret_cast<__m128i*>(model.cumulative.data() + half);
    const __m128i now = _mm_load_si128(at);
    const __m128i target = _mm_load_si128(reinterpret_cast<const __m128i*>(detail::kTargets.of[symbol] + half));
    _mm_store_si128(at, _mm_add_epi16(now, _mm_sra_epi16(_mm_sub_epi16(target, now), rate)));
  }
}

}  // namespace finepune
