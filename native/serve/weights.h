// The weights of one convolution or linear layer, packed for the dense kernel or as non-zeros for the sparse one. Either
// can be made from the other, so that only the one in use takes memory.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "serve/aligned.h"

namespace finepune::serve {

// Which input pixels an output pixel reads: `taps` in each of `channels` planes, the offsets counted in pixels from the
// output pixel's own place in the first plane. A linear layer has planes of one pixel and one tap.
struct Stencil {
  int64_t channels = 0, plane = 1;
  std::vector<int64_t> taps = {0};

  int64_t columns() const { return channels * static_cast<int64_t>(taps.size()); }
};

// Rows that the dense kernel computes together, and where they lie in the packed weights.
struct RowBlock {
  int64_t first, rows, offset;
};

// Non-zeros of a range of input channels, row by row.
struct SparseBlock {
  int64_t first_channel;
  // Row r has the entries [starts[r], starts[r + 1]).
  std::vector<int64_t> starts;
};

class Weights {
 public:
  // `dense`: [rows, stencil.columns()], row-major. No block of rows crosses a multiple of `rows_per_group`.
  // `whole_blocks`: the last block is filled up with rows of zeros, so that all have 8.
  Weights(int64_t rows, int64_t rows_per_group, bool whole_blocks, Stencil stencil, std::span<const float> dense);

  int64_t rows() const { return rows_; }
  const Stencil& stencil() const { return stencil_; }
  int64_t nonzeros() const { return nonzeros_; }
  double density() const;
  // Whether the offsets of a plane fit the sparse form.
  bool can_be_sparse() const { return stencil_.plane <= 65536; }

  bool has_packed() const { return !packed_.empty(); }
  bool has_sparse() const { return !sparse_blocks_.empty(); }
  void make_packed();
  // `entries_per_block`: about how many non-zeros of a row lie in a block, where the offsets allow.
  void make_sparse(int64_t entries_per_block);
  // Each keeps the other form, which must be there.
  void drop_packed();
  void drop_sparse();

  const std::vector<RowBlock>& row_blocks() const { return row_blocks_; }
  const float* packed() const { return packed_.data(); }
  const std::vector<SparseBlock>& sparse_blocks() const { return sparse_blocks_; }
  const uint16_t* offsets() const { return offsets_.data(); }
  const float* values() const { return values_.data(); }

  // Bytes of the forms held.
  int64_t bytes() const;

 private:
  std::vector<float> unpacked() const;
  void pack(std::span<const float> dense);

  int64_t rows_;
  Stencil stencil_;
  int64_t nonzeros_ = 0;
  int64_t packed_count_ = 0;
  std::vector<RowBlock> row_blocks_;
  AlignedFloats packed_;
  std::vector<SparseBlock> sparse_blocks_;
  std::vector<uint16_t> offsets_;
  std::vector<float> values_;
};

}  // namespace finepune::serve
