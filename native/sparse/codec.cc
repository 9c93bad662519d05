#include "sparse/codec.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "memory/huge_pages.h"
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
// Up to so many entries both orders are tried, and with fewer non-zeros than these, several starts of the models.
constexpr size_t kTrySeveral = size_t{1} << 20;
constexpr size_t kFewNonzeros = 1024;

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

// The distribution of levels that costs the values fewest bits before models have learnt anything.
uint32_t best_levels(const Census& census, uint32_t top) {
  std::array<double, kLevelShares.size()> gains{};
  for (uint32_t level = 0; level < 256; ++level) {
    const auto count = static_cast<double>(census.exponents[(top - level) & 255]);
    for (size_t i = 0; i < gains.size(); ++i) gains[i] += count * std::log2(kLevelShares[i][std::min(level, 7u)]);
  }
  return static_cast<uint32_t>(std::max_element(gains.begin(), gains.end()) - gains.begin());
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
  parallel_pieces_with<BlockWriter>(count, threads, [&](size_t i, BlockWriter& writer) {
    const size_t begin = i * layout.block_length;
    encode_block(patterns.subspan(begin, std::min(layout.block_length, patterns.size() - begin)), layout, codebook,
                 layout.classes.empty() ? nullptr : &order, writer, blocks[i]);
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
  ask_for_huge_pages(bytes.data(), bytes.capacity());
  for (const std::vector<uint8_t>& block : blocks) bytes.insert(bytes.end(), block.begin(), block.end());
  return bytes;
}

// The shortest of what models may start from, tried one after the other: where non-zeros are few, models have no time
// to learn.
std::vector<uint8_t> encode_few(std::span<const uint32_t> patterns, TensorLayout layout) {
  std::vector<uint8_t> shortest = encode_with(patterns, layout, 1);
  const auto attempt = [&](TensorLayout other) {
    std::vector<uint8_t> bytes = encode_with(patterns, other, 1);
    if (bytes.size() >= shortest.size()) return;
    shortest = std::move(bytes);
    layout = std::move(other);
  };
  if (layout.codebook.empty() && layout.floats.dropped == 0) {
    for (uint32_t levels = 0; levels < kLevelShares.size(); ++levels) {
      TensorLayout other = layout;
      other.floats.levels = levels;
      attempt(std::move(other));
    }
  }
  if (layout.gap_index == kNoGaps) return shortest;
  const int middle = static_cast<int>(layout.gap_index), last = static_cast<int>(kGapModels) - 1;
  for (int index = std::max(middle - 2, 0); index <= std::min(middle + 2, last); ++index) {
    TensorLayout other = layout;
    other.gap_index = static_cast<uint32_t>(index);
    attempt(std::move(other));
  }
  return shortest;
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
  if (zeros == 0 && !patterns.empty()) layout.gap_index = kNoGaps;
  layout.two_states = census.nonzeros / blocks >= kTwoStateNonzeros;
  if (options.codebook.empty()) {
    layout.floats.top_exponent = top_exponent(census);
    layout.floats.dropped = static_cast<uint32_t>(std::countr_zero(census.bits | 1u << 23));
    layout.floats.levels = layout.floats.dropped == 0 ? best_levels(census, layout.floats.top_exponent) : 0;
  } else {
    const auto entries = patterns_of(options.codebook);
    layout.codebook.assign(entries.begin(), entries.end());
  }
  const auto encode = [&](TensorLayout chosen) {
    const bool few = census.nonzeros < kFewNonzeros && patterns.size() <= kTrySeveral;
    return few ? encode_few(patterns, std::move(chosen)) : encode_with(patterns, std::move(chosen), options.threads);
  };
  const size_t row_length = options.row_length;
  if (zeros == 0 || row_length < 2 || patterns.size() < 2 * row_length || patterns.size() % row_length != 0) {
    return encode(std::move(layout));
  }
  std::vector<uint8_t> classes = column_classes(patterns, row_length, census.nonzeros, options.threads);
  if (classes.empty()) return encode(std::move(layout));
  TensorLayout sorted = layout;
  sorted.classes = std::move(classes);
  std::vector<uint8_t> bytes = encode(std::move(sorted));
  if (patterns.size() > kTrySeveral) return bytes;
  std::vector<uint8_t> straight = encode(std::move(layout));
  return straight.size() <= bytes.size() ? straight : bytes;
}

void decode_tensor(std::span<const uint8_t> bytes, std::span<float> dense, unsigned threads) {
  std::vector<CodedBlock> blocks;
  const TensorLayout layout = read_layout(bytes, dense.size(), blocks);
  const ColumnOrder order = order_columns(layout.classes);
  const std::span<uint32_t> patterns{reinterpret_cast<uint32_t*>(dense.data()), dense.size()};
  ask_for_huge_pages(dense.data(), dense.size_bytes());
  parallel_pieces(blocks.size(), threads, [&](size_t i) {
    const size_t begin = i * layout.block_length;
    decode_block(blocks[i], layout, layout.classes.empty() ? nullptr : &order,
                 patterns.subspan(begin, std::min(layout.block_length, patterns.size() - begin)));
  });
}

}  // namespace finepune
