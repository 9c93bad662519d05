// The distances between non-zeros, modelled by how dense the neighbourhood has been.
//
// A gap g >= 0 is coded in quanta of 2^k: q = g >> k as one symbol of 16, then k plain bits. Symbol 15 stands for q >=
// 15 and is followed by a symbol d and 2 d plain bits: q = 15 + (4^d - 1) / 3 + bits. The model, and k with it, is
// chosen by the running mean `a` of the gaps before, in sixteenths: a += (16 min(g, 2^20) - a) >> 3. With w the bit
// width of a, the model's index is 2 w plus the bit after the leading one, and k = max(0, w - 6): a quantum is a
// quarter to a half of the mean, where the loss against an exact geometric code is under 0.02 bits (an adaptive Rice
// code whose quotient is coded near its entropy; Golomb, IEEE Trans. Inf. Theory 12, 1966).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "sparse/nibble_model.h"

namespace finepune {

inline constexpr uint32_t kLongestGapCounted = 1u << 20;
// a < 2^24 + 2^20.
inline constexpr size_t kGapModels = 52;
inline constexpr uint16_t kGapModelsSeen = 24;
// In the place of a model's index: there are no gaps, because there are no zeros.
inline constexpr uint32_t kNoGaps = kGapModels;

struct GapContext {
  uint32_t model;
  uint32_t shift;
};

inline GapContext gap_context(uint32_t mean) {
  const auto width = static_cast<uint32_t>(std::bit_width(mean));
  const uint32_t half = width < 2 ? 0 : mean >> (width - 2) & 1;
  return {2 * width + half, width > 6 ? width - 6 : 0};
}

// The least mean of a model.
inline uint32_t least_mean(uint32_t model) {
  const uint32_t width = model >> 1;
  return width < 2 ? width : (2 | (model & 1)) << (width - 2);
}

inline uint32_t next_mean(uint32_t mean, uint64_t gap) {
  const auto counted = static_cast<int32_t>(std::min<uint64_t>(gap, kLongestGapCounted) << 4);
  return static_cast<uint32_t>(static_cast<int32_t>(mean) + ((counted - static_cast<int32_t>(mean)) >> 3));
}

// The models a block starts with: geometric with the mean that the index stands for, in quanta. They are near the
// truth, and adapt slowly from the first gap on.
inline std::array<NibbleModel, kGapModels> make_gap_models() {
  std::array<NibbleModel, kGapModels> models;
  for (uint32_t index = 0; index < kGapModels; ++index) {
    const uint32_t least = least_mean(index);
    models[index] = NibbleModel::geometric(std::max(1u, (least + least / 4) >> gap_context(least).shift));
    models[index].seen = kGapModelsSeen;
  }
  return models;
}

inline const std::array<NibbleModel, kGapModels>& first_gap_models() {
  static const std::array<NibbleModel, kGapModels> models = make_gap_models();
  return models;
}

// (4^d - 1) / 3.
inline constexpr uint64_t far_base(uint32_t digits) { return ((uint64_t{1} << (2 * digits)) - 1) / 3; }

}  // namespace finepune
