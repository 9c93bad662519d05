#include "serve/sparse_weights.h"

#include <algorithm>

namespace finepune::serve {

SparseWeights SparseWeights::of(std::span<const float> dense, int64_t rows, const Stencil& stencil,
                                int64_t channels_per_block) {
  SparseWeights sparse;
  const int64_t taps = static_cast<int64_t>(stencil.taps.size()), columns = stencil.columns();
  const int64_t size = std::clamp<int64_t>(channels_per_block, 1, stencil.most_channels());
  for (int64_t first = 0; first < stencil.channels; first += size) {
    const int64_t last = std::min(first + size, stencil.channels);
    SparseBlock block{first, {}};
    block.starts.reserve(static_cast<size_t>(rows + 1));
    for (int64_t row = 0; row < rows; ++row) {
      block.starts.push_back(static_cast<int64_t>(sparse.values.size()));
      const float* from = dense.data() + row * columns;
      for (int64_t channel = first; channel < last; ++channel) {
        for (int64_t tap = 0; tap < taps; ++tap) {
          const float value = from[channel * taps + tap];
          if (value == 0) continue;
          sparse.offsets.push_back(static_cast<uint16_t>((channel - first) * stencil.plane + stencil.taps[tap]));
          sparse.values.push_back(value);
        }
      }
    }
    block.starts.push_back(static_cast<int64_t>(sparse.values.size()));
    sparse.blocks.push_back(std::move(block));
  }
  sparse.offsets.shrink_to_fit();
  sparse.values.shrink_to_fit();
  return sparse;
}

int64_t SparseWeights::bytes() const {
  int64_t starts = 0;
  for (const SparseBlock& block : blocks) starts += static_cast<int64_t>(block.starts.size());
  return starts * 8 + static_cast<int64_t>(offsets.size()) * 6;
}

}  // namespace finepune::serve
