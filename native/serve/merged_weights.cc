#include "serve/merged_weights.h"

#include <algorithm>

namespace finepune::serve {

namespace {

// Columns of each pattern of four rows' non-zeros.
using Sorted = std::array<std::vector<int64_t>, 16>;

void sort_columns(const float* rows, int64_t columns, int64_t first, int64_t last, Sorted& sorted) {
  for (std::vector<int64_t>& list : sorted) list.clear();
  for (int64_t column = first; column < last; ++column) {
    unsigned pattern = 0;
    for (unsigned r = 0; r < kMergedRows; ++r) pattern |= static_cast<unsigned>(rows[r * columns + column] != 0) << r;
    sorted[pattern].push_back(column);
  }
}

}  // namespace

MergedWeights MergedWeights::of(std::span<const float> dense, int64_t rows, const Stencil& stencil,
                                int64_t channels_per_block) {
  MergedWeights merged;
  Sorted sorted;
  const int64_t taps = static_cast<int64_t>(stencil.taps.size()), columns = stencil.columns();
  const int64_t size = std::clamp<int64_t>(channels_per_block, 1, stencil.most_channels());
  for (int64_t first = 0; first < stencil.channels; first += size) {
    const int64_t last = std::min(first + size, stencil.channels);
    MergedBlock block{first, {}};
    for (int64_t row = 0; row < rows; row += kMergedRows) {
      const float* from = dense.data() + row * columns;
      sort_columns(from, columns, first * taps, last * taps, sorted);
      MergedEntries entries{
          static_cast<int64_t>(merged.offsets.size()), static_cast<int64_t>(merged.values.size()), {}};
      for (unsigned pattern = 1; pattern < 16; ++pattern) {
        entries.counts[pattern] = static_cast<int32_t>(sorted[pattern].size());
        entries.counts[0] += entries.counts[pattern];
        for (const int64_t column : sorted[pattern]) {
          const int64_t offset = (column / taps - first) * stencil.plane + stencil.taps[column % taps];
          merged.offsets.push_back(static_cast<uint16_t>(offset));
          for (unsigned r = 0; r < kMergedRows; ++r) {
            if (pattern >> r & 1) merged.values.push_back(from[r * columns + column]);
          }
        }
      }
      block.quads.push_back(entries);
    }
    merged.blocks.push_back(std::move(block));
  }
  merged.offsets.shrink_to_fit();
  merged.values.shrink_to_fit();
  return merged;
}

int64_t MergedWeights::bytes() const {
  int64_t quads = 0;
  for (const MergedBlock& block : blocks) quads += static_cast<int64_t>(block.quads.size());
  return quads * static_cast<int64_t>(sizeof(MergedEntries)) + static_cast<int64_t>(offsets.size()) * 2 +
         static_cast<int64_t>(values.size()) * 4;
}

}  // namespace finepune::serve
