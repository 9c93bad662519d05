#include <algorithm>

#include "sparse/block_codec.h"
#include "sparse/block_reader.h"
#include "sparse/gap_coder.h"
#include "sparse/value_coder.h"

namespace finepune {

namespace {

// The running mean is the caller's, who keeps it in a register.
class GapDecoder {
 public:
  template <typename Reader>
  [[gnu::always_inline]] uint64_t decode(uint32_t& mean, uint32_t& state, Reader& reader) {
    const auto [model, shift] = gap_context(mean);
    uint64_t quanta = decode_symbol(models_[model], state, reader);
    if (quanta == 15) [[unlikely]] {
      quanta += seldom(state, reader, [this](uint32_t& far_state, Reader& far_reader) {
        const uint32_t digits = decode_symbol(far_, far_state, far_reader);
        return static_cast<uint32_t>(far_base(digits)) + far_reader.bits(2 * digits);
      });
    }
    const uint64_t gap = quanta << shift | reader.bits(shift);
    mean = next_mean(mean, gap);
    return gap;
  }

 private:
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

void check_end(BlockReader& reader, uint32_t state, uint32_t other_state) {
  if (!reader.finished() || state != kLowestState || other_state != kLowestState) {
    coded_tensor_damaged("a block does not end where its entries do");
  }
}

// Where a block's entries have been read to.
template <typename Cursor>
struct EntriesPosition {
  Cursor cursor;
  uint32_t mean;
  uint64_t left;
};

// Gaps and values in turn.
template <typename Models>
class EntriesDecoder {
 public:
  EntriesDecoder(const Models& models, std::span<uint32_t> patterns) : models_(models), patterns_(patterns) {}

  // Whether there was one more non-zero.
  template <typename Cursor, typename Reader>
  [[gnu::always_inline]] bool decode(EntriesPosition<Cursor>& at, uint32_t& gap_state, uint32_t& value_state,
                                     Reader& reader) {
    const uint64_t gap = gaps_.decode(at.mean, gap_state, reader);
    if (gap >= at.left) [[unlikely]] {
      if (gap != at.left) coded_tensor_damaged("a position lies past the end of its block");
      return false;
    }
    at.cursor.skip(gap);
    patterns_[at.cursor.index()] = models_.decode(value_state, reader);
    at.cursor.skip(1);
    at.left -= gap + 1;
    return true;
  }

 private:
  GapDecoder gaps_;
  Models models_;
  std::span<uint32_t> patterns_;
};

template <typename Models, typename Cursor>
void decode_entries(const Models& models, const Cursor& cursor, const CodedBlock& block, const TensorLayout& layout,
                    std::span<uint32_t> patterns) {
  EntriesDecoder<Models> entries(models, patterns);
  EntriesPosition<Cursor> at{cursor, least_mean(layout.gap_index), patterns.size()};
  BlockReader reader(block.bytes, block.size, block.readable);
  uint32_t gap_state = reader.state(), value_state = kLowestState;
  if (layout.two_states) {
    value_state = reader.state();
    bool more = true;
    QuickReader quick(reader.position());
    while (more && quick.has_room()) more = entries.decode(at, gap_state, value_state, quick);
    reader = BlockReader(quick.position());
    while (more) more = entries.decode(at, gap_state, value_state, reader);
  } else {
    // One state for gaps and values.
    while (entries.decode(at, gap_state, gap_state, reader)) {
    }
  }
  check_end(reader, gap_state, value_state);
}

// Values that follow one another. With two states every other value has models of its own, so that one need not wait
// for the one before.
template <typename Models>
void decode_values(Models models, const CodedBlock& block, bool two_states, std::span<uint32_t> patterns) {
  BlockReader reader(block.bytes, block.size, block.readable);
  uint32_t state = reader.state(), other_state = two_states ? reader.state() : kLowestState;
  if (two_states) {
    Models other_models = models;
    size_t i = 0;
    QuickReader quick(reader.position());
    for (; i + 1 < patterns.size() && quick.has_room(); i += 2) {
      patterns[i] = models.decode(state, quick);
      patterns[i + 1] = other_models.decode(other_state, quick);
    }
    reader = BlockReader(quick.position());
    for (; i + 1 < patterns.size(); i += 2) {
      patterns[i] = models.decode(state, reader);
      patterns[i + 1] = other_models.decode(other_state, reader);
    }
    if (i < patterns.size()) patterns[i] = models.decode(state, reader);
  } else {
    for (uint32_t& pattern : patterns) pattern = models.decode(state, reader);
  }
  check_end(reader, state, other_state);
}

// Entries of a codebook stand for indices.
class CodebookModels {
 public:
  explicit CodebookModels(std::span<const uint32_t> codebook)
      : codebook_(codebook), models_(static_cast<uint32_t>(codebook.size())) {}

  template <typename Reader>
  [[gnu::always_inline]] uint32_t decode(uint32_t& state, Reader& reader) {
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

}  // namespace

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
