#include "sparse/block_codec.h"

#include <algorithm>

#include "ops/error.h"
#include "sparse/gap_coder.h"
#include "sparse/nonzeros.h"

namespace finepune {

namespace {

const std::array<NibbleModel, kGapModels>& first_gap_models() {
  static const std::array<NibbleModel, kGapModels> models = make_gap_models();
  return models;
}

class GapEncoder {
 public:
  explicit GapEncoder(uint32_t first) : mean_(least_mean(first)) {}

  void encode(uint64_t gap, BlockWriter& writer) {
    const auto [model, shift] = gap_context(mean_);
    const uint64_t quanta = gap >> shift;
    writer.symbol(models_[model], quanta < 15 ? static_cast<uint32_t>(quanta) : 15, 0);
    if (quanta >= 15) {
      const uint64_t far = quanta - 15;
      uint32_t digits = 0;
      while (far >= far_base(digits + 1)) ++digits;
      writer.symbol(far_, digits, 0);
      writer.bits(static_cast<uint32_t>(far - far_base(digits)), 2 * digits);
    }
    writer.bits(static_cast<uint32_t>(gap & ((uint64_t{1} << shift) - 1)), shift);
    mean_ = next_mean(mean_, gap);
  }

 private:
  uint32_t mean_;
  std::array<NibbleModel, kGapModels> models_ = first_gap_models();
  NibbleModel far_ = NibbleModel::geometric(16);
};

class GapDecoder {
 public:
  explicit GapDecoder(uint32_t first) : mean_(least_mean(first)) {}

  uint64_t decode(uint32_t& state, BlockReader& reader) {
    const auto [model, shift] = gap_context(mean_);
    uint64_t quanta = decode_symbol(models_[model], state, reader);
    if (quanta == 15) [[unlikely]] {
      const uint32_t digits = decode_symbol(far_, state, reader);
      quanta += far_base(digits) + reader.bits(2 * digits);
    }
    const uint64_t gap = quanta << shift | reader.bits(shift);
    mean_ = next_mean(mean_, gap);
    return gap;
  }

 private:
  uint32_t mean_;
  std::array<NibbleModel, kGapModels> models_ = first_gap_models();
  NibbleModel far_ = NibbleModel::geometric(16);
};

// Entries in the tensor's own order.
class StraightCursor {
 public:
  explicit StraightCursor(size_t) {}
  void skip(uint64_t entries) { at_ += entries; }
  size_t index() const { return at_; }

 private:
  size_t at_ = 0;
};

// Entries class by class, each class row by row.
class ClassCursor {
 public:
  ClassCursor(const ColumnOrder& order, size_t row_length, size_t rows)
      : groups_(order.groups), row_length_(row_length), rows_(rows) {}

  // Never past the last entry but for the last call, after which there is no index.
  void skip(uint64_t entries) {
    column_ += entries;
    while (group_ < groups_.size()) {
      const size_t width = groups_[group_].columns.size();
      if (column_ >= width) {
        const size_t down = column_ < 2 * width ? 1 : column_ / width;
        row_ += down;
        column_ -= down * width;
      }
      if (row_ < rows_) return;
      column_ += (row_ - rows_) * width;
      row_ = 0;
      ++group_;
    }
  }

  size_t index() const { return row_ * row_length_ + groups_[group_].columns[column_]; }

 private:
  const std::vector<ColumnOrder::Group>& groups_;
  size_t row_length_;
  size_t rows_;
  size_t group_ = 0;
  size_t row_ = 0;
  size_t column_ = 0;
};

template <typename Models, typename Cursor>
void decode_entries(Models models, Cursor cursor, const CodedBlock& block, const TensorLayout& layout,
                    std::span<uint32_t> patterns) {
  BlockReader reader(block.bytes, block.size, block.readable);
  GapDecoder gaps(layout.gap_index);
  uint32_t gap_state = reader.state();
  // With one state it codes values too, and passes to and fro.
  uint32_t value_state = layout.two_states ? reader.state() : 0;
  const bool two = layout.two_states;
  uint64_t left = patterns.size();
  while (true) {
    const uint64_t gap = gaps.decode(gap_state, reader);
    if (gap >= left) {
      if (gap != left) coded_tensor_damaged("a position lies past the end of its block");
      break;
    }
    cursor.skip(gap);
    uint32_t value;
    if (two) {
      value = models.decode(value_state, reader);
    } else {
      value = models.decode(gap_state, reader);
    }
    patterns[cursor.index()] = value;
    cursor.skip(1);
    left -= gap + 1;
  }
  if (!reader.finished() || gap_state != kLowestState || (two && value_state != kLowestState)) {
    coded_tensor_damaged("a block does not end where its entries do");
  }
}

// Values that follow one another. With two states every other value has models of its own, so that one need not wait
// for the one before.
template <typename Models>
void decode_values(Models models, const CodedBlock& block, bool two_states, std::span<uint32_t> patterns) {
  BlockReader reader(block.bytes, block.size, block.readable);
  uint32_t state = reader.state(), other_state = two_states ? reader.state() : kLowestState;
  if (two_states) {
    Models other_models = models;
    for (size_t i = 0; i + 1 < patterns.size(); i += 2) {
      patterns[i] = models.decode(state, reader);
      patterns[i + 1] = other_models.decode(other_state, reader);
    }
    if (patterns.size() % 2 == 1) patterns.back() = models.decode(state, reader);
  } else {
    for (uint32_t& pattern : patterns) pattern = models.decode(state, reader);
  }
  if (!reader.finished() || state != kLowestState || other_state != kLowestState) {
    coded_tensor_damaged("a block does not end where its entries do");
  }
}

// Entries of a codebook stand for indices.
class CodebookModels {
 public:
  explicit CodebookModels(std::span<const uint32_t> codebook)
      : codebook_(codebook), models_(static_cast<uint32_t>(codebook.size())) {}

  uint32_t decode(uint32_t& state, BlockReader& reader) {
    const uint32_t index = models_.decode(state, reader);
    if (index >= codebook_.size()) coded_tensor_damaged("a value is not in its codebook");
    return codebook_[index];
  }

 private:
  std::span<const uint32_t> codebook_;
  IndexModels models_;
};

template <typename Models>
void decode_with(const Models& models, const CodedBlock& block, const TensorLayout& layout, const ColumnOrder* order,
                 std::span<uint32_t> patterns) {
  if (layout.gap_index == kNoGaps) {
    decode_values(models, block, layout.two_states, patterns);
  } else if (order == nullptr) {
    decode_entries(models, StraightCursor(0), block, layout, patterns);
  } else {
    const size_t row_length = layout.classes.size();
    decode_entries(models, ClassCursor(*order, row_length, patterns.size() / row_length), block, layout, patterns);
  }
}

// (gap, pattern) of every non-zero in the block's order, then the gap to the end.
template <typename Visit>
uint64_t visit_nonzeros(std::span<const uint32_t> patterns, const ColumnOrder* order, size_t row_length,
                        const Visit& visit) {
  if (order == nullptr) {
    size_t next = 0;
    for_each_nonzero(patterns, [&](size_t at, uint32_t pattern) {
      visit(at - next, pattern);
      next = at + 1;
    });
    return patterns.size() - next;
  }
  uint64_t gap = 0;
  for (const ColumnOrder::Group& group : order->groups) {
    for (size_t row = 0; row < patterns.size(); row += row_length) {
      for (const uint32_t column : group.columns) {
        const uint32_t pattern = patterns[row + column];
        if (pattern == 0) {
          ++gap;
        } else {
          visit(gap, pattern);
          gap = 0;
        }
      }
    }
  }
  return gap;
}

}  // namespace

CodebookIndex::CodebookIndex(std::span<const uint32_t> codebook) {
  if (codebook.size() > 256) throw Error("E_INTERNAL", "a codebook has more than 256 values");
  for (uint32_t i = 0; i < codebook.size(); ++i) sorted_.emplace_back(codebook[i], i);
  std::sort(sorted_.begin(), sorted_.end());
}

uint32_t CodebookIndex::of(uint32_t pattern) const {
  const auto found = std::lower_bound(sorted_.begin(), sorted_.end(), std::pair(pattern, 0u));
  if (found == sorted_.end() || found->first != pattern) {
    throw Error("E_INTERNAL", "a value is missing from the codebook it is to be coded with");
  }
  return found->second;
}

void encode_block(std::span<const uint32_t> patterns, const TensorLayout& layout, const CodebookIndex& codebook,
                  const ColumnOrder* order, std::vector<uint8_t>& bytes) {
  BlockWriter writer;
  const uint32_t value_state = layout.two_states ? 1 : 0;
  const auto encode = [&](auto models, const auto& to_symbol) {
    if (layout.gap_index == kNoGaps) {
      auto other_models = models;
      for (size_t i = 0; i < patterns.size(); ++i) {
        const bool other = value_state == 1 && i % 2 == 1;
        (other ? other_models : models).encode(to_symbol(patterns[i]), other ? 1 : 0, writer);
      }
      return;
    }
    GapEncoder gaps(layout.gap_index);
    const uint64_t last = visit_nonzeros(patterns, order, layout.classes.size(), [&](uint64_t gap, uint32_t pattern) {
      gaps.encode(gap, writer);
      models.encode(to_symbol(pattern), value_state, writer);
    });
    gaps.encode(last, writer);
  };
  if (layout.codebook.empty()) {
    encode(FloatModels(layout.floats), [](uint32_t pattern) { return pattern; });
  } else {
    encode(IndexModels(static_cast<uint32_t>(layout.codebook.size())),
           [&](uint32_t pattern) { return codebook.of(pattern); });
  }
  writer.finish(layout.two_states ? 2 : 1, bytes);
}

void decode_block(const CodedBlock& block, const TensorLayout& layout, const ColumnOrder* order,
                  std::span<uint32_t> patterns) {
  if (layout.gap_index != kNoGaps) std::fill(patterns.begin(), patterns.end(), 0u);
  if (layout.codebook.empty()) {
    decode_with(FloatModels(layout.floats), block, layout, order, patterns);
  } else {
    decode_with(CodebookModels(layout.codebook), block, layout, order, patterns);
  }
}

}  // namespace finepune
