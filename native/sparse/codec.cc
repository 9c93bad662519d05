#include "sparse/codec.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "ops/error.h"
#include "sparse/block_codec.h"
#include "sparse/column_classes.h"
#include "sparse/gap_coder.h"
#include "sparse/layout.h"
#include "sparse/nonzeros.h"
#include "sparse/parallel.h"

namespace finepune {

namespace {

// Entries a thread counts at a time.
constexpr size_t kPiece = size_t{1} << 18;
// Non-zeros of a block: so many that what its models learn is a small part of it, so few that blocks are many.
constexpr size_t kBlockNonzeros = 4096;
constexpr size_t kLeastBlock = size_t{1} << 16;
constexpr size_t kLargestBlock = size_t{1} << 22;
// From here on 4 bytes more for a second state are nothing, and two states decode faster than one.
constexpr size_t kTwoStateNonzeros = 2048;
// Up to here both orders of entries are tried.
constexpr size_t kTryBoth = size_t{1} << 20;

struct Census {
  uint64_t nonzeros = 0;
  // All patterns ORed.
  uint32_t bits = 0;
  std::array<uint64_t, 256> exponents{};
};

Census take_census(std::span<const uint32_t> patterns, unsigned threads) {
  const size_t pieces = (patterns.size() + kPiece - 1) / kPiece;
  std::vector<Census> counted(pieces);
  parallel_pieces(pieces, threads, [&](size_t i) {
    // Neighbours in the list share cache lines.
    Census census;
    for_each_nonzero(patterns.subspan(i * kPiece, std::min(kPiece, patterns.size() - i * kPiece)),
                     [&](size_t, uint32_t pattern) {
                       ++census.nonzeros;
                       census.bits |= pattern;
                       ++census.exponents[pattern >> 23 & 255];
                     });
    counted[i] = census;
  });
  Census sum;
  for (const Census& census : counted) {
    sum.nonzeros += census.nonzeros;
    sum.bits |= census.bits;
    for (size_t i = 0; i < sum.exponents.size(); ++i) sum.exponents[i] += census.exponents[i];
  }
  return sum;
}

// The largest exponent but for outliers, which must not push all others to far levels.
uint32_t top_exponent(const Census& census) {
  uint64_t above = 0;
  for (uint32_t exponent = 255; exponent > 0; --exponent) {
    above += census.exponents[exponent];
    if (above > census.nonzeros / 256) return exponent;
  }
  return 0;
}

// Whether the narrow distribution of levels would cost the values fewer bits.
bool starts_narrow(const Census& census, uint32_t top) {
  double gain = 0;
  for (uint32_t level = 0; level < 256; ++level) {
    const size_t first = std::min(level, 7u);
    gain += static_cast<double>(census.exponents[(top - level) & 255]) *
            std::log2(static_cast<double>(kNarrowLevels[first]) / kWideLevels[first]);
  }
  return gain > 0;
}

size_t suitable_block(size_t length, uint64_t nonzeros, size_t asked) {
  const double wanted = asked > 0 ? static_cast<double>(asked)
                                  : std::clamp(static_cast<double>(kBlockNonzeros) * static_cast<double>(length) /
                                                   static_cast<double>(std::max<uint64_t>(nonzeros, 1)),
                                               static_cast<double>(kLeastBlock), static_cast<double>(kLargestBlock));
  // Blocks of equal length, none of them a small rest.
  const auto count = static_cast<size_t>(std::max(1.0, std::floor(static_cast<double>(length) / wanted + 0.5)));
  return std::max<size_t>(1, (length + count - 1) / count);
}

std::vector<uint8_t> encode_with(std::span<const uint32_t> patterns, TensorLayout layout, unsigned threads) {
  const CodebookIndex codebook(layout.codebook);
  ColumnOrder order;
  if (!layout.classes.empty()) {
    order = order_columns(layout.classes);
    const size_t row_length = layout.classes.size();
    layout.block_length = std::min(patterns.size(), (layout.block_length + row_length - 1) / row_length * row_length);
  }
  const size_t count = patterns.empty() ? 1 : (patterns.size() - 1) / layout.block_length + 1;
  std::vector<std::vector<uint8_t>> blocks(count);
  parallel_pieces(count, threads, [&](size_t i) {
    const size_t begin = i * layout.block_length;
    encode_block(patterns.subspan(begin, std::min(layout.block_length, patterns.size() - begin)), layout, codebook,
                 layout.classes.empty() ? nullptr : &order, blocks[i]);
  });
  std::vector<size_t> sizes;
  size_t sum = 0;
  for (const std::vector<uint8_t>& block : blocks) {
    sizes.push_back(block.size());
    sum += block.size();
  }
  std::vector<uint8_t> bytes;
  write_layout(layout, patterns.size(), sizes, bytes);
  bytes.reserve(bytes.size() + sum);
  for (const std::vector<uint8_t>& block : blocks) bytes.insert(bytes.end(), block.begin(), block.end());
  return bytes;
}

std::span<const uint32_t> patterns_of(std::span<const float> values) {
  return {reinterpret_cast<const uint32_t*>(values.data()), values.size()};
}

}  // namespace

std::vector<uint8_t> encode_tensor(std::span<const float> dense, const EncodeOptions& options) {
  const std::span<const uint32_t> patterns = patterns_of(dense);
  const Census census = take_census(patterns, options.threads);
  TensorLayout layout;
  const uint64_t zeros = patterns.size() - census.nonzeros;
  const uint64_t mean = 16 * zeros / std::max<uint64_t>(census.nonzeros, 1);
  layout.gap_index = gap_context(static_cast<uint32_t>(std::min<uint64_t>(mean, kLongestGapCounted << 4))).model;
  layout.block_length = suitable_block(patterns.size(), census.nonzeros, options.block_length);
  const size_t blocks = patterns.size() / layout.block_length + 1;
  layout.two_states = census.nonzeros / blocks >= kTwoStateNonzeros;
  if (options.codebook.empty()) {
    layout.floats.top_exponent = top_exponent(census);
    const int unused = std::countr_zero(census.bits | 1u << 23);
    layout.floats.dropped = static_cast<uint32_t>(unused);
    layout.floats.narrow = unused == 0 && starts_narrow(census, layout.floats.top_exponent);
  } else {
    const auto entries = patterns_of(options.codebook);
    layout.codebook.assign(entries.begin(), entries.end());
  }
  const size_t row_length = options.row_length;
  if (row_length < 2 || patterns.size() < 2 * row_length || patterns.size() % row_length != 0) {
    return encode_with(patterns, layout, options.threads);
  }
  std::vector<uint8_t> classes = column_classes(patterns, row_length, census.nonzeros, options.threads);
  if (classes.empty()) return encode_with(patterns, layout, options.threads);
  TensorLayout sorted = layout;
  sorted.classes = std::move(classes);
  std::vector<uint8_t> bytes = encode_with(patterns, std::move(sorted), options.threads);
  if (patterns.size() > kTryBoth) return bytes;
  std::vector<uint8_t> straight = encode_with(patterns, std::move(layout), options.threads);
  return straight.size() <= bytes.size() ? straight : bytes;
}

void decode_tensor(std::span<const uint8_t> bytes, std::span<float> dense, unsigned threads) {
  std::vector<CodedBlock> blocks;
  const TensorLayout layout = read_layout(bytes, dense.size(), blocks);
  const ColumnOrder order = order_columns(layout.classes);
  const std::span<uint32_t> patterns{reinterpret_cast<uint32_t*>(dense.data()), dense.size()};
  parallel_pieces(blocks.size(), threads, [&](size_t i) {
    const size_t begin = i * layout.block_length;
    decode_block(blocks[i], layout, layout.classes.empty() ? nullptr : &order,
                 patterns.subspan(begin, std::min(layout.block_length, patterns.size() - begin)));
  });
}

}  // namespace finepune
