#include <algorithm>

#include "ops/error.h"
#include "sparse/block_codec.h"
#include "sparse/block_writer.h"
#include "sparse/gap_coder.h"
#include "sparse/nonzeros.h"
#include "sparse/value_coder.h"

namespace finepune {

namespace {

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
                  const ColumnOrder* order, BlockWriter& writer, std::vector<uint8_t>& bytes) {
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

}  // namespace finepune
