// Writes the symbols and bits of blocks, one after the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "sparse/nibble_model.h"

namespace finepune {

// Collects the symbols and bits of a block; rANS runs backwards, so that bytes come only at the end. What it collected
// in is kept for the next block: given back and taken anew, its pages would cost more than the coding.
class BlockWriter {
 public:
  // `state`: 0 or 1, which of the block's states codes it.
  void symbol(NibbleModel& model, uint32_t symbol, uint32_t state) {
    const uint32_t start = model.cumulative[symbol];
    const uint32_t end = model.cumulative[symbol + 1];
    steps_.push_back(start | state << 15 | (end - start) << 16);
    adapt(model, symbol);
  }

  // 0 <= count <= 32.
  void bits(uint32_t value, uint32_t count) {
    held_ = held_ << count | value;
    held_bits_ += count;
    if (held_bits_ >= 32) {
      held_bits_ -= 32;
      bits_.push_back(static_cast<uint32_t>(held_ >> held_bits_));
    }
  }

  // Replaces `bytes` by the block with `states` 1 or 2, and begins the next.
  void finish(uint32_t states, std::vector<uint8_t>& bytes) {
    uint32_t state[2] = {kLowestState, kLowestState};
    const size_t words = code_steps(state);
    const uint32_t tail = (held_bits_ + 7) / 8;
    bytes.resize(4 * states + 2 * words + tail + 4 * bits_.size());
    uint8_t* at = bytes.data();
    const auto put = [&at](uint32_t value, uint32_t count) {
      for (uint32_t i = 0; i < count; ++i) *at++ = static_cast<uint8_t>(value >> 8 * i);
    };
    for (uint32_t i = 0; i < states; ++i) put(state[i], 4);
    for (size_t i = words; i-- > 0;) put(words_[i], 2);
    // Read from the end: what came first lies last.
    put(static_cast<uint32_t>(held_ << (8 * tail - held_bits_)), tail);
    for (size_t i = bits_.size(); i-- > 0;) put(bits_[i], 4);
    steps_.clear();
    bits_.clear();
    held_ = 0;
    held_bits_ = 0;
  }

 private:
  // From the last symbol to the first; the number of words it leaves in words_, first read last.
  size_t code_steps(uint32_t (&state)[2]) {
    if (words_.size() < steps_.size()) words_.resize(steps_.size());
    uint16_t* words = words_.data();
    size_t count = 0;
    for (size_t i = steps_.size(); i-- > 0;) {
      const uint32_t frequency = steps_[i] >> 16;
      uint32_t& kept = state[steps_[i] >> 15 & 1];
      // Every symbol writes where a word would go, and whether it is one is no branch: it could not be foretold.
      const uint32_t full = kept >= frequency << 17;
      words[count] = static_cast<uint16_t>(kept);
      count += full;
      const uint32_t x = kept >> 16 * full;
      kept = (x / frequency << kScaleBits) + x % frequency + (steps_[i] & (kScale - 1));
    }
    return count;
  }

  // Bit 0..14 where the symbol starts, 15 the state, 16..31 its frequency.
  std::vector<uint32_t> steps_;
  std::vector<uint16_t> words_;
  // 32 bits each, the first the most significant.
  std::vector<uint32_t> bits_;
  uint64_t held_ = 0;
  uint32_t held_bits_ = 0;
};

}  // namespace finepune
