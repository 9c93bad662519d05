// The non-zeros of a linear layer's weight, piece by piece, as the sparse kernels read them; made anew for every pass,
// because between two of them the weights and their mask move.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include "ops/cpu/direct_kernels.h"

namespace finepune {

// Of a weight [out, in]. A piece is up to kPieceRows rows of up to kPieceInputs inputs, which are so few that 32 images
// of them fit a core's own cache.
class PackedWeight : public torch::CustomClassHolder {
 public:
  static constexpr int64_t kPieceRows = 64, kPieceInputs = 1024;

  // Row r of the piece has the entries [starts[r], starts[r + 1]); offsets count from the piece's first input on.
  struct Piece {
    const uint16_t* offsets = nullptr;
    const float* values = nullptr;
    const int64_t* starts = nullptr;
  };

  // Reads `weight`, float32 and contiguous on the CPU, once.
  PackedWeight(const at::Tensor& weight, const cpu::DirectKernels& kernels);

  int64_t rows() const { return rows_; }
  int64_t inputs() const { return inputs_; }
  int64_t row_groups() const { return (rows_ + kPieceRows - 1) / kPieceRows; }
  int64_t blocks() const { return (inputs_ + kPieceInputs - 1) / kPieceInputs; }
  // Rows of a group, and inputs of a block: fewer in the last one.
  int64_t rows_of(int64_t group) const;
  int64_t inputs_of(int64_t block) const;
  const Piece& piece(int64_t group, int64_t block) const {
    return pieces_[static_cast<size_t>(group * blocks() + block)];
  }

 private:
  int64_t rows_, inputs_;
  std::vector<Piece> pieces_;
  // What pieces point into; tensors, whose memory is kept from one pass to the next.
  std::vector<at::Tensor> memory_;
};

}  // namespace finepune
