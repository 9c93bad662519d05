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
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace finepune {

inline constexpr int kScaleBits = 15;
inline constexpr uint32_t kScale = 1u << kScaleBits;
// A state lies in [2^16, 2^32) between symbols and moves by words of 16 bits.
inline constexpr uint32_t kLowestState = 1u << 16;
inline constexpr uint32_t kLeastFrequency = 8;

struct alignas(16) NibbleModel {
  // F[0..15]; F[16] is in `top`, so that F[s + 1] can be read for every s.
  uint16_t cumulative[16];
  uint16_t top = kScale;
  // Symbols seen, up to 60.
  uint16_t seen = 0;

  // Geometric with mean `mean_sixteenths` / 16, the last symbol taking the tail: frequency(i) = 8 + left * 16 /
  // (16 + mean_sixteenths), where left starts as 2^15 - 16 * 8 and loses what is given beyond the 8.
  static NibbleModel geometric(uint32_t mean_sixteenths) {
    NibbleModel model;
    uint32_t left = kScale - 16 * kLeastFrequency;
    uint32_t below = 0;
    for (uint16_t& entry : model.cumulative) {
      entry = static_cast<uint16_t>(below);
      const uint32_t share = left * 16 / (16 + mean_sixteenths);
      below += kLeastFrequency + share;
      left -= share;
    }
    return model;
  }

  static NibbleModel uniform() {
    NibbleModel model;
    for (uint32_t i = 0; i < 16; ++i) model.cumulative[i] = static_cast<uint16_t>(i * (kScale / 16));
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
    auto* at = reinterpret_cast<__m128i*>(model.cumulative + half);
    const __m128i now = _mm_load_si128(at);
    const __m128i target = _mm_load_si128(reinterpret_cast<const __m128i*>(detail::kTargets.of[symbol] + half));
    _mm_store_si128(at, _mm_add_epi16(now, _mm_sra_epi16(_mm_sub_epi16(target, now), rate)));
  }
}

// Words forwards from the front of a block, single bits backwards from its end.
class BlockReader {
 public:
  // `bytes` .. `bytes` + `size` is the block; `readable` bytes from `bytes` on may be read, `readable` >= `size`.
  BlockReader(const uint8_t* bytes, size_t size, size_t readable)
      : bytes_(bytes), readable_(readable), end_(size), bit_(8 * static_cast<int64_t>(size)) {}

  uint32_t state() {
    const uint32_t low = word();
    return low | word() << 16;
  }

  uint32_t word() {
    if (next_ + 2 > end_) {
      failed_ = true;
      return 0;
    }
    uint16_t value;
    std::memcpy(&value, bytes_ + next_, 2);
    next_ += 2;
    return value;
  }

  // 0 <= count <= 32.
  uint32_t bits(uint32_t count) {
    bit_ -= count;
    if (bit_ < 0) {
      failed_ = true;
      bit_ = 0;
      return 0;
    }
    const size_t byte = static_cast<size_t>(bit_) >> 3;
    uint64_t value = 0;
    if (byte + 8 <= readable_) {
      std::memcpy(&value, bytes_ + byte, 8);
    } else {
      std::memcpy(&value, bytes_ + byte, readable_ - byte);
    }
    return static_cast<uint32_t>((value >> (bit_ & 7)) & ((uint64_t{1} << count) - 1));
  }

  // Whether words and bits meet: all bytes are used, the up to 7 bits between them are 0.
  bool finished() {
    const int64_t left = bit_ - 8 * static_cast<int64_t>(next_);
    return !failed_ && left >= 0 && left < 8 && bits(static_cast<uint32_t>(left)) == 0;
  }

 private:
  const uint8_t* bytes_;
  size_t readable_;
  size_t end_;
  size_t next_ = 0;
  int64_t bit_;
  bool failed_ = false;
};

inline uint32_t decode_symbol(NibbleModel& model, uint32_t& state, BlockReader& reader) {
  const uint32_t slot = state & (kScale - 1);
  const __m128i wanted = _mm_set1_epi16(static_cast<int16_t>(slot));
  const auto* at = reinterpret_cast<const __m128i*>(model.cumulative);
  const __m128i above =
      _mm_packs_epi16(_mm_cmpgt_epi16(_mm_load_si128(at), wanted), _mm_cmpgt_epi16(_mm_load_si128(at + 1), wanted));
  const uint32_t symbol =
      static_cast<uint32_t>(std::countr_zero(static_cast<uint32_t>(_mm_movemask_epi8(above)) | 0x10000u)) - 1;
  const uint32_t start = model.cumulative[symbol];
  const uint32_t end = symbol == 15 ? kScale : model.cumulative[symbol + 1];
  state = (end - start) * (state >> kScaleBits) + slot - start;
  if (state < kLowestState) state = state << 16 | reader.word();
  adapt(model, symbol);
  return symbol;
}

// Collects the symbols and bits of a block; rANS runs backwards, so that bytes come only at the end.
class BlockWriter {
 public:
  void clear() {
    steps_.clear();
    bits_.clear();
    held_ = 0;
    held_bits_ = 0;
  }

  // `state`: 0 or 1, which of the block's states codes it.
  void symbol(NibbleModel& model, uint32_t symbol, uint32_t state) {
    const uint32_t start = model.cumulative[symbol];
    const uint32_t end = symbol == 15 ? kScale : model.cumulative[symbol + 1];
    steps_.push_back(start | state << 15 | (end - start) << 16);
    adapt(model, symbol);
  }

  // 0 <= count <= 32.
  void bits(uint32_t value, uint32_t count) {
    held_ = held_ << count | value;
    held_bits_ += count;
    while (held_bits_ >= 8) {
      held_bits_ -= 8;
      bits_.push_back(static_cast<uint8_t>(held_ >> held_bits_));
    }
  }

  // Appends the block with `states` 1 or 2.
  void finish(uint32_t states, std::vector<uint8_t>& bytes) {
    uint32_t state[2] = {kLowestState, kLowestState};
    words_.clear();
    for (size_t i = steps_.size(); i-- > 0;) {
      const uint32_t frequency = steps_[i] >> 16;
      uint32_t& x = state[steps_[i] >> 15 & 1];
      if (x >= frequency << 17) {
        words_.push_back(static_cast<uint16_t>(x));
        x >>= 16;
      }
      x = (x / frequency << kScaleBits) + x % frequency + (steps_[i] & (kScale - 1));
    }
    const auto put = [&bytes](uint32_t word) {
      bytes.push_back(static_cast<uint8_t>(word));
      bytes.push_back(static_cast<uint8_t>(word >> 8));
    };
    for (uint32_t i = 0; i < states; ++i) {
      put(state[i] & 0xFFFF);
      put(state[i] >> 16);
    }
    for (size_t i = words_.size(); i-- > 0;) put(words_[i]);
    if (held_bits_ > 0) bits(0, 8 - held_bits_);
    bytes.insert(bytes.end(), bits_.rbegin(), bits_.rend());
  }

 private:
  // Bit 0..14 where the symbol starts, 15 the state, 16..31 its frequency.
  std::vector<uint32_t> steps_;
  std::vector<uint16_t> words_;
  std::vector<uint8_t> bits_;
  uint64_t held_ = 0;
  uint32_t held_bits_ = 0;
};

}  // namespace finepune
