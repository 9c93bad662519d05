// The non-zeros of a layer, row by row: what the sparse kernel and the sparse products of linear layers read.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "serve/stencil.h"

namespace finepune::serve {

// Non-zeros of a range of input channels.
struct SparseBlock {
  int64_t first_channel;
  // Row r has the entries [starts[r], starts[r + 1]).
  std::vector<int64_t> starts;
};

struct SparseWeights {
  std::vector<SparseBlock> blocks;
  std::vector<uint16_t> offsets;
  std::vector<float> values;

  // `dense`: [rows, stencil.columns()], row-major. `channels_per_block`: at least 1; fewer where offsets would not fit.
  static SparseWeights of(std::span<const float> dense, int64_t rows, const Stencil& stencil,
                          int64_t channels_per_block);
  int64_t bytes() const;
};

}  // namespace finepune::serve
