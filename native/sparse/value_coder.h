// The non-zeros of a block: float32 patterns, or indices into a codebook.
//
// A float32 pattern is sign, 8 exponent bits e, 23 mantissa bits. With E an exponent near the tensor's largest and
// level = (E - e) mod 256, a first symbol says 8 sign + min(level, 7). From level 7 on a second says min(level - 7,
// 15), and at 15 two more are the upper and the lower half of e. Mantissas look uniform and follow as plain bits,
// without the `dropped` lowest, which are 0 in the whole tensor. Where e = 0, a symbol before them is 1 if there is no
// mantissa (the negative zero: a positive one is no non-zero) and 0 if there is (a denormal number).
//
// A codebook index is its upper half (only where the codebook has more than 16 entries), then its lower half.
#pragma once

#include <array>
#include <cstdint>

#include "sparse/block_reader.h"
#include "sparse/block_writer.h"
#include "sparse/nibble_model.h"

namespace finepune {

struct FloatFormat {
  uint32_t top_exponent = 127;
  // 0 .. 23
  uint32_t dropped = 0;
  // Index into kLevelShares; 0 where bits are dropped.
  uint32_t levels = 0;
};

// Share of each level in 64ths that the models may start from, the same for both signs. Weights as trained fall off
// slowly below the largest power of two; what magnitude pruning leaves lies within three, two or one.
inline constexpr std::array<std::array<uint32_t, 8>, 6> kLevelShares = {{{3, 8, 9, 5, 3, 2, 1, 1},
                                                                         {10, 14, 3, 1, 1, 1, 1, 1},
                                                                         {17, 9, 1, 1, 1, 1, 1, 1},
                                                                         {25, 1, 1, 1, 1, 1, 1, 1},
                                                                         {21, 5, 1, 1, 1, 1, 1, 1},
                                                                         {6, 20, 1, 1, 1, 1, 1, 1}}};

class FloatModels {
 public:
  explicit FloatModels(FloatFormat format) : format_(format), mantissa_bits_(23 - format.dropped) {
    const std::array<uint32_t, 8>& levels = kLevelShares[format.levels];
    uint32_t below = 0;
    for (uint32_t i = 0; i < 16; ++i) {
      head_.cumulative[i] = static_cast<uint16_t>(below);
      below += levels[i % 8] * (kScale / 64);
    }
    head_.cumulative[16] = kScale;
  }

  void encode(uint32_t pattern, uint32_t state, BlockWriter& writer) {
    const uint32_t exponent = pattern >> 23 & 255;
    const uint32_t level = (format_.top_exponent - exponent) & 255;
    writer.symbol(head_, (pattern >> 31) * 8 + (level < 7 ? level : 7), state);
    if (level >= 7) {
      writer.symbol(far_, level < 22 ? level - 7 : 15, state);
      if (level >= 22) {
        writer.symbol(high_, exponent >> 4, state);
        writer.symbol(low_, exponent & 15, state);
      }
    }
    const uint32_t mantissa = pattern & 0x7FFFFF;
    if (exponent == 0) {
      writer.symbol(zero_, mantissa == 0, state);
      if (mantissa == 0) return;
    }
    writer.bits(mantissa >> format_.dropped, mantissa_bits_);
  }

  template <typename Reader>
  [[gnu::always_inline]] uint32_t decode(uint32_t& state, Reader& reader) {
    const uint32_t head = decode_symbol(head_, state, reader);
    uint32_t exponent = (format_.top_exponent - (head & 7)) & 255;
    if ((head & 7) == 7) [[unlikely]] {
      exponent = seldom(state, reader, [this, exponent](uint32_t& far_state, Reader& far_reader) {
        return decode_far(exponent, far_state, far_reader);
      });
    }
    const uint32_t upper = head >> 3 << 31 | exponent << 23;
    if (exponent == 0) [[unlikely]] {
      const uint32_t no_mantissa = seldom(state, reader, [this](uint32_t& zero_state, Reader& zero_reader) {
        return decode_symbol(zero_, zero_state, zero_reader);
      });
      if (no_mantissa != 0) return upper;
    }
    return upper | reader.bits(mantissa_bits_) << format_.dropped;
  }

 private:
  // The exponent of a level that is `exponent`'s or lower.
  template <typename Reader>
  uint32_t decode_far(uint32_t exponent, uint32_t& state, Reader& reader) {
    const uint32_t far = decode_symbol(far_, state, reader);
    if (far < 15) return (exponent - far) & 255;
    const uint32_t high = decode_symbol(high_, state, reader);
    return high << 4 | decode_symbol(low_, state, reader);
  }

  FloatFormat format_;
  uint32_t mantissa_bits_;
  NibbleModel head_{};
  NibbleModel far_ = NibbleModel::geometric(16);
  NibbleModel high_ = NibbleModel::uniform();
  NibbleModel low_ = NibbleModel::uniform();
  NibbleModel zero_ = NibbleModel::uniform();
};

class IndexModels {
 public:
  explicit IndexModels(uint32_t entries) : two_(entries > 16) { lower_.fill(NibbleModel::uniform()); }

  void encode(uint32_t index, uint32_t state, BlockWriter& writer) {
    if (two_) writer.symbol(upper_, index >> 4, state);
    writer.symbol(lower_[index >> 4], index & 15, state);
  }

  template <typename Reader>
  [[gnu::always_inline]] uint32_t decode(uint32_t& state, Reader& reader) {
    const uint32_t upper = two_ ? decode_symbol(upper_, state, reader) : 0;
    return upper << 4 | decode_symbol(lower_[upper], state, reader);
  }

 private:
  bool two_;
  NibbleModel upper_ = NibbleModel::uniform();
  std::array<NibbleModel, 16> lower_;
};

}  // namespace finepune
