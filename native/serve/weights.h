// The weights of one convolution or linear layer in the forms that kernels read. The dense one is made first and the
// others from it; those not in use are dropped, so that only one takes memory.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "serve/aligned.h"
#include "serve/column_weights.h"
#include "serve/merged_weights.h"
#include "serve/row_block.h"
#include "serve/sparse_weights.h"
#include "serve/stencil.h"
#include "serve/winograd_weights.h"

namespace finepune::serve {

enum class Form { dense, winograd, sparse, merged, columns };

class Weights {
 public:
  // `dense`: [rows, stencil.columns()], row-major. No block of rows crosses a multiple of `rows_per_group`.
  // `whole_blocks`: the last block is filled up with rows of zeros, so that all have 8.
  Weights(int64_t rows, int64_t rows_per_group, bool whole_blocks, Stencil stencil, std::span<const float> dense);

  int64_t rows() const { return rows_; }
  const Stencil& stencil() const { return stencil_; }
  double density() const;
  // Whether four rows read the same channels, wherever they begin.
  bool can_be_merged() const { return rows_per_group_ % kMergedRows == 0; }

  // Each from the dense form, which must still be there; a block has about as many non-zeros a row, or floats of input
  // for `tile` consecutive outputs, as given.
  void make_sparse(int64_t entries_per_block);
  void make_merged(int64_t tile, int64_t floats_per_block);
  // Of a convolution with three or five rows of taps.
  void make_winograd(int64_t tap_rows);
  // Of a linear layer.
  void make_columns();
  // Drops `form`.
  void drop(Form form);

  const std::vector<RowBlock>& row_blocks() const { return row_blocks_; }
  const float* packed() const { return packed_.data(); }
  const SparseWeights& sparse() const { return sparse_; }
  const MergedWeights& merged() const { return merged_; }
  const WinogradWeights& winograd() const { return winograd_; }
  const ColumnWeights& columns() const { return columns_; }

  // Bytes of the forms held.
  int64_t bytes() const;

 private:
  std::vector<float> unpacked() const;
  void pack(std::span<const float> dense);

  int64_t rows_, rows_per_group_;
  Stencil stencil_;
  int64_t nonzeros_ = 0;
  int64_t packed_count_ = 0;
  std::vector<RowBlock> row_blocks_;
  AlignedFloats packed_;
  SparseWeights sparse_;
  MergedWeights merged_;
  WinogradWeights winograd_;
  ColumnWeights columns_;
};

}  // namespace finepune::serve
