// Positions of the non-zeros of a tensor, as bytes. Pure memory to memory: no libtorch, no files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace finepune {

// bitmask: entry i is bit i % 8 (least significant first) of byte i / 8, unused bits of the last byte 0.
// gaps: for every non-zero the number of zeros since the one before (or the start), as unsigned LEB128 (7 bits a byte,
// least significant first, the high bit set on all bytes but the last), in the fewest bytes.
enum class PositionEncoding { bitmask, gaps };

struct SparseValues {
  PositionEncoding encoding = PositionEncoding::bitmask;
  std::vector<uint8_t> positions;
  // The non-zeros in order of position.
  std::vector<float> values;
};

// The smaller of the two codings, the bitmask on a tie. A negative zero counts as zero and is lost; NaN is a non-zero.
SparseValues encode_sparse(std::span<const float> dense);

// Checks positions that are to give `values` non-zeros of `length` entries, before memory is taken for either: throws
// Error("E_MODEL_FILE") on positions that end early or late, point past the end, or do not number `values`, and on bytes
// the encoder would not write.
void check_sparse(PositionEncoding encoding, std::span<const uint8_t> positions, uint64_t values, uint64_t length);

// The inverse of encode_sparse, after check_sparse, whose errors it throws. Writes every entry of `dense`.
void decode_sparse(PositionEncoding encoding, std::span<const uint8_t> positions, std::span<const float> values,
                   std::span<float> dense);

}  // namespace finepune
