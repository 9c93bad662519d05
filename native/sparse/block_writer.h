// Writes the symbols and bits of one block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sparse/nibble_model.h"

namespace finepune {

// Collects the symbols and bits of a block; rANS runs backwards, so that bytes come only at the end.
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
