#include "sparse/codec.h"

#include <algorithm>
#include <bit>
#include <string>

#include "ops/error.h"

namespace finepune {

namespace {

// Bytes of `value` as unsigned LEB128.
size_t varint_bytes(uint64_t value) { return value == 0 ? 1 : (std::bit_width(value) + 6) / 7; }

void append_varint(std::vector<uint8_t>& bytes, uint64_t value) {
  while (value >= 0x80) {
    bytes.push_back(static_cast<uint8_t>(value) | 0x80);
    value >>= 7;
  }
  bytes.push_back(static_cast<uint8_t>(value));
}

[[noreturn]] void damaged(const std::string& what) {
  throw Error("E_MODEL_FILE", "sparse positions are damaged: " + what + "; the file must be written again");
}

void check_bitmask(std::span<const uint8_t> positions, uint64_t values, uint64_t length) {
  const uint64_t expected = length / 8 + (length % 8 == 0 ? 0 : 1);
  if (positions.size() != expected) {
    damaged("expected " + std::to_string(expected) + " bytes of bitmask but received " +
            std::to_string(positions.size()));
  }
  uint64_t ones = 0;
  for (const uint8_t byte : positions) ones += static_cast<uint64_t>(std::popcount(byte));
  if (ones != values) {
    damaged("the bitmask marks " + std::to_string(ones) + " entries but there are " + std::to_string(values) +
            " values");
  }
  if (length % 8 != 0 && (positions.back() >> (length % 8)) != 0) damaged("bits are set past the end");
}

void check_gaps(std::span<const uint8_t> positions, uint64_t values, uint64_t length) {
  size_t read = 0;
  // First entry not yet decided.
  uint64_t position = 0;
  for (uint64_t value = 0; value < values; ++value) {
    uint64_t gap = 0;
    int shift = 0;
    while (true) {
      if (read == positions.size()) damaged("the gaps end early");
      const uint8_t byte = positions[read++];
      // 2^63 entries are past any tensor; and no shift below can overflow.
      if (shift > 56) damaged("a gap is too long");
      gap |= static_cast<uint64_t>(byte & 0x7F) << shift;
      shift += 7;
      if ((byte & 0x80) != 0) continue;
      if (byte == 0 && shift > 7) damaged("a gap is not written in the fewest bytes");
      break;
    }
    if (gap >= length - position) damaged("a position lies past the end");
    position += gap + 1;
  }
  if (read != positions.size()) damaged("bytes are left over after the last gap");
}

void write_bitmask(std::span<const uint8_t> positions, std::span<const float> values, std::span<float> dense) {
  size_t next = 0;
  for (size_t byte = 0; byte < positions.size(); ++byte) {
    uint8_t bits = positions[byte];
    while (bits != 0) {
      dense[byte * 8 + static_cast<size_t>(std::countr_zero(bits))] = values[next++];
      bits &= static_cast<uint8_t>(bits - 1);
    }
  }
}

void write_gaps(std::span<const uint8_t> positions, std::span<const float> values, std::span<float> dense) {
  const uint8_t* byte = positions.data();
  uint64_t position = 0;
  for (const float value : values) {
    uint64_t gap = *byte & 0x7F;
    for (int shift = 7; (*byte++ & 0x80) != 0; shift += 7) gap |= static_cast<uint64_t>(*byte & 0x7F) << shift;
    position += gap;
    dense[position++] = value;
  }
}

}  // namespace

SparseValues encode_sparse(std::span<const float> dense) {
  SparseValues sparse;
  size_t count = 0;
  size_t gap_bytes = 0;
  size_t next = 0;
  for (size_t i = 0; i < dense.size(); ++i) {
    if (dense[i] == 0.0f) continue;
    gap_bytes += varint_bytes(i - next);
    next = i + 1;
    ++count;
  }
  sparse.values.reserve(count);
  const size_t bitmask_bytes = dense.size() / 8 + (dense.size() % 8 == 0 ? 0 : 1);
  sparse.encoding = gap_bytes < bitmask_bytes ? PositionEncoding::gaps : PositionEncoding::bitmask;
  if (sparse.encoding == PositionEncoding::gaps) {
    sparse.positions.reserve(gap_bytes);
  } else {
    sparse.positions.assign(bitmask_bytes, 0);
  }
  next = 0;
  for (size_t i = 0; i < dense.size(); ++i) {
    if (dense[i] == 0.0f) continue;
    sparse.values.push_back(dense[i]);
    if (sparse.encoding == PositionEncoding::gaps) {
      append_varint(sparse.positions, i - next);
      next = i + 1;
    } else {
      sparse.positions[i / 8] |= static_cast<uint8_t>(1u << (i % 8));
    }
  }
  return sparse;
}

void check_sparse(PositionEncoding encoding, std::span<const uint8_t> positions, uint64_t values, uint64_t length) {
  if (values > length) {
    damaged(std::to_string(values) + " values cannot stand in " + std::to_string(length) + " entries");
  }
  if (encoding == PositionEncoding::bitmask) {
    check_bitmask(positions, values, length);
  } else {
    check_gaps(positions, values, length);
  }
}

void decode_sparse(PositionEncoding encoding, std::span<const uint8_t> positions, std::span<const float> values,
                   std::span<float> dense) {
  check_sparse(encoding, positions, values.size(), dense.size());
  std::fill(dense.begin(), dense.end(), 0.0f);
  if (encoding == PositionEncoding::bitmask) {
    write_bitmask(positions, values, dense);
  } else {
    write_gaps(positions, values, dense);
  }
}

}  // namespace finepune
