// The weights of one convolution or linear layer, packed for the dense kernel or as non-zeros for the sparse one. Each form
// can be made from any other, so that only those in use take memory.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "serve/aligned.h"

namespace finepune::serve {

enum class Form {
  dense,
  // Non-zeros, with the input read as for the dense form.
  sparse,
  // Non-zeros, with the input read from copies shifted by the kernel's columns: see ConvolutionReading in program.h.
  shifted,
};
constexpr std::array<Form, 3> kForms = {Form::dense, Form::sparse, Form::shifted};

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

// The non-zeros: offsets from an output pixel's place in the first channel of their block, and values.
struct SparseWeights {
  Stencil stencil;
  std::vector<SparseBlock> blocks;
  std::vector<uint16_t> offsets;
  std::vector<float> values;

  int64_t bytes() const;
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
  // Whether the offsets of a plane fit a sparse form.
  static bool can_be_sparse(const Stencil& stencil) { return stencil.plane <= 65536; }

  bool has(Form form) const;
  void make_packed();
  // Form::sparse or Form::shifted. `stencil`: stencil() or that of the shifted copies, with the same taps in the same order.
  // `entries_per_block`: about how many non-zeros of a row lie in a block, where the offsets allow.
  void make_sparse(Form form, const Stencil& stencil, int64_t entries_per_block);
  // Another form must be there.
  void drop(Form form);

  const std::vector<RowBlock>& row_blocks() const { return row_blocks_; }
  const float* packed() const { return packed_.data(); }
  // A sparse form that is there.
  const SparseWeights& sparse(Form form) const;

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
  std::optional<SparseWeights> sparse_, shifted_;
};

}  // namespace finepune::serve
