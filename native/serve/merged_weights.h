// The non-zeros of four rows at a time, sorted by which of the rows have one there: what the merged kernel reads.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "serve/stencil.h"

namespace finepune::serve {

constexpr int64_t kMergedRows = 4;

// Where the entries of four rows begin, and MergedTile::counts.
struct MergedEntries {
  int64_t offset, value;
  std::array<int32_t, 16> counts;
};

// Non-zeros of a range of input channels; rows 4 i to 4 i + 3 in quads[i].
struct MergedBlock {
  int64_t first_channel;
  std::vector<MergedEntries> quads;
};

struct MergedWeights {
  std::vector<MergedBlock> blocks;
  std::vector<uint16_t> offsets;
  std::vector<float> values;

  // `dense`: [rows, stencil.columns()], row-major, rows a multiple of 4. `channels_per_block`: at least 1; fewer where
  // offsets would not fit.
  static MergedWeights of(std::span<const float> dense, int64_t rows, const Stencil& stencil,
                          int64_t channels_per_block);
  int64_t bytes() const;
};

}  // namespace finepune::serve
