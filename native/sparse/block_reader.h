// Reads the symbols and bits of one block.
//
// Two readers share a position: BlockReader looks before each word and each bit whether there is one, QuickReader never
// does and is for the inside of a block, where has_room() said so. The quick one takes words without a branch, since
// whether a symbol needs one is hard to foretell.
#pragma once

#include <emmintrin.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "sparse/nibble_model.h"

namespace finepune {

// Words forwards from the front of a block, single bits backwards from its end.
struct BlockPosition {
  const uint8_t* bytes;
  // The block ends at `end`; `readable` bytes from `bytes` on may be read, `readable` >= `end`.
  size_t readable;
  size_t end;
  size_t next;
  int64_t bit;
  bool failed;
};

class BlockReader {
 public:
  // `bytes` .. `bytes` + `size` is the block; `readable` bytes from `bytes` on may be read, `readable` >= `size`.
  BlockReader(const uint8_t* bytes, size_t size, size_t readable)
      : at_{bytes, readable, size, 0, 8 * static_cast<int64_t>(size), false} {}
  explicit BlockReader(const BlockPosition& position) : at_(position) {}

  const BlockPosition& position() const { return at_; }

  // A state to begin with.
  uint32_t state() {
    const uint32_t low = word();
    return low | word() << 16;
  }

  // `state` back in [2^16, 2^32).
  uint32_t renormalize(uint32_t state) { return state < kLowestState ? state << 16 | word() : state; }

  // 0 <= count <= 32.
  uint32_t bits(uint32_t count) {
    at_.bit -= count;
    if (at_.bit < 0) {
      at_.failed = true;
      at_.bit = 0;
      return 0;
    }
    const size_t byte = static_cast<size_t>(at_.bit) >> 3;
    uint64_t value = 0;
    std::memcpy(&value, at_.bytes + byte, byte + 8 <= at_.readable ? 8 : at_.readable - byte);
    return static_cast<uint32_t>((value >> (at_.bit & 7)) & ((uint64_t{1} << count) - 1));
  }

  // Whether words and bits meet: all bytes are used, the up to 7 bits between them are 0.
  bool finished() {
    const int64_t left = at_.bit - 8 * static_cast<int64_t>(at_.next);
    return !at_.failed && left >= 0 && left < 8 && bits(static_cast<uint32_t>(left)) == 0;
  }

 private:
  uint32_t word() {
    if (at_.next + 2 > at_.end) {
      at_.failed = true;
      return 0;
    }
    uint16_t value;
    std::memcpy(&value, at_.bytes + at_.next, 2);
    at_.next += 2;
    return value;
  }

  BlockPosition at_;
};

class QuickReader {
 public:
  // The most that may be read between two looks at has_room().
  static constexpr size_t kMostWords = 12;
  static constexpr int64_t kMostBits = 128;

  explicit QuickReader(const BlockPosition& position) : at_(position) {}

  const BlockPosition& position() const { return at_; }

  // Bits are read from the 8 bytes that end with them.
  bool has_room() const { return at_.next + 2 * kMostWords <= at_.end && at_.bit >= kMostBits + 64; }

  uint32_t renormalize(uint32_t state) {
    uint16_t word;
    std::memcpy(&word, at_.bytes + at_.next, 2);
    const uint32_t low = state < kLowestState ? 1 : 0;
    at_.next += 2 * low;
    return state << 16 * low | (word & (0 - low));
  }

  // 0 <= count <= 32.
  uint32_t bits(uint32_t count) {
    const auto end = static_cast<size_t>(at_.bit + 7) >> 3;
    at_.bit -= count;
    uint64_t value;
    std::memcpy(&value, at_.bytes + end - 8, 8);
    const auto below = static_cast<uint32_t>(at_.bit - 8 * static_cast<int64_t>(end) + 64);
    // 64 where no bits are asked for: whatever is shifted, nothing of it is kept.
    return static_cast<uint32_t>((value >> (below & 63)) & ((uint64_t{1} << count) - 1));
  }

 private:
  BlockPosition at_;
};

template <typename Reader>
[[gnu::always_inline]] inline uint32_t decode_symbol(NibbleModel& model, uint32_t& state, Reader& reader) {
  const uint32_t slot = state & (kScale - 1);
  const __m128i wanted = _mm_set1_epi16(static_cast<int16_t>(slot));
  const auto* at = reinterpret_cast<const __m128i*>(model.cumulative.data());
  const __m128i above =
      _mm_packs_epi16(_mm_cmpgt_epi16(_mm_load_si128(at), wanted), _mm_cmpgt_epi16(_mm_load_si128(at + 1), wanted));
  const uint32_t symbol =
      static_cast<uint32_t>(std::countr_zero(static_cast<uint32_t>(_mm_movemask_epi8(above)) | 0x10000u)) - 1;
  const uint32_t start = model.cumulative[symbol];
  const uint32_t end = model.cumulative[symbol + 1];
  state = reader.renormalize((end - start) * (state >> kScaleBits) + slot - start);
  adapt(model, symbol);
  return symbol;
}

namespace detail {

template <typename Reader, typename Work>
[[gnu::noinline]] uint32_t call(uint32_t& state, Reader& reader, const Work& work) {
  return work(state, reader);
}

}  // namespace detail

// work(state, reader), what seldom happens, in a function of its own and on copies, so that the caller keeps state and
// reader in registers.
template <typename Reader, typename Work>
[[gnu::always_inline]] inline uint32_t seldom(uint32_t& state, Reader& reader, const Work& work) {
  uint32_t state_copy = state;
  Reader reader_copy = reader;
  const uint32_t result = detail::call(state_copy, reader_copy, work);
  state = state_copy;
  reader = reader_copy;
  return result;
}

}  // namespace finepune
