// A tensor with zeros as bytes, near the entropy of what it holds. Pure memory to memory: no libtorch, no files.
//
// Notation: n entries in row-major order, W entries a row, B entries a block. All counts are unsigned LEB128 ("varint":
// 7 bits a byte, least significant first, the high bit set on all bytes but the last).
//
//   byte 0     bit 0: blocks have two states; bit 1: extended; bit 2: codebook; bits 3-7: dropped mantissa bits, 0..23,
//   or
//              23 plus an index 1..5 into value_coder.h's starts for none
//   byte 1     running mean of the gaps that every block starts with, as an index of gap_coder.h; 52 where there are no
//              zeros, and blocks no gaps
//   byte 2     exponent E of value_coder.h; with a codebook its size - 1, then the entries as float32
//   extended   varint B, varint W; where W > 0 a varint size and a block of one state with the class 0..15 of each of
//              the W columns; then a varint size of every block but the last
//   blocks     each its states (uint32, little-endian), 16-bit words read forwards, and at the end single bits read
//              backwards: the block as one little-endian number, consumed from its most significant bit down
//
// Not extended, there is one block and W = 0. A block is a list of (gap, value): the gap of gap_coder.h is the number
// of zeros before the non-zero, in the block's own order; a last gap reaches the block's end exactly. Gaps use the
// first state, values the last. Where there are no gaps, values take turns between the states, each with models of its
// own. The order of entries is the tensor's where W = 0. Else B is a multiple of W, and a block visits its columns
// class by class, each class row by row: what is seldom kept in any row comes together. Only the pattern of +0.0 is a
// zero.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace finepune {

struct EncodeOptions {
  // W for a tensor whose columns may be sorted into classes; 0 or 1 for none.
  size_t row_length = 0;
  // B, rounded up to whole rows; 0 for one that suits the density.
  size_t block_length = 0;
  // 1 or more.
  unsigned threads = 1;
  // If not empty, up to 256 values; every entry that is no zero must be one of them, bit for bit.
  std::span<const float> codebook = {};
};

// Throws Error("E_INTERNAL") where a value is missing from the codebook or the codebook is too long.
std::vector<uint8_t> encode_tensor(std::span<const float> dense, const EncodeOptions& options);

// Writes every entry of `dense`. Throws Error("E_MODEL_FILE") on bytes that the format does not allow for a tensor of
// this length, with `dense` then left half written. Takes memory in proportion to `bytes` and one block's table.
void decode_tensor(std::span<const uint8_t> bytes, std::span<float> dense, unsigned threads);

}  // namespace finepune
