// Rows of output channels of one convolution: what its pieces of work share, in any form of the weights.
#pragma once

#include <cstdint>
#include <vector>

#include "serve/channel_writes.h"
#include "serve/convolution_piece.h"
#include "serve/run_step.h"

namespace finepune::serve {

// What a thread needs to compute pieces: their sums, and the panels of the tile it computed last, which the next piece
// of the same tile reads, too.
struct PieceMemory {
  float *sums = nullptr, *panels = nullptr;
  // Of which group, from which output float and from which channel on.
  int64_t group = -1, start = -1, channel = -1;
};

// Consecutive vectors of a target's rows, made of panels: from the target's float `first` on, which is float `start` of
// all output rows; no floats from `end` on. The first `finished` vectors are finished by the kernel.
struct PanelTile {
  int64_t first, start, end, vectors, finished;
};

class ConvolutionRows {
 public:
  // Copies the input with its padding where the step does not read it as it lies. The arguments must stay.
  ConvolutionRows(const StepContext& context, const Step& step, Form form, const StepMemory& memory);

  // Vectors of output floats computed between two writes, at most.
  int64_t tile_vectors() const;
  // Output channels of one piece of work, at most and at least.
  int64_t most_piece_rows() const { return copies_each_piece() ? 128 : panels_ ? 64 : 32; }
  int64_t fewest_piece_rows() const { return copies_each_piece() ? 64 : 8; }
  // Vectors of the sums of `rows` rows of a channel.
  int64_t vectors(int64_t rows) const {
    return (flat_floats(rows) + context_.kernels.lanes - 1) / context_.kernels.lanes;
  }
  // Pieces of about `piece_rows` rows of weights; one of them.
  int64_t pieces(int64_t piece_rows) const;
  ConvolutionPiece piece(int64_t piece_rows, int64_t number) const;
  // Floats of panels and sums that `compute` needs for pieces of about `piece_rows` rows of weights.
  int64_t panel_floats() const;
  int64_t sum_floats(int64_t piece_rows) const;
  // Computes the vectors [first, first + count) of the target's rows and writes what of them are pixels.
  void compute(const ConvolutionPiece& piece, const ConvolutionTarget& target, int64_t first, int64_t count,
               PieceMemory& memory) const;

 private:
  int64_t blocks_a_piece(int64_t piece_rows) const;
  // Floats of one plane of the input read.
  int64_t plane() const { return step_.reading.stencil.plane * context_.pixel; }
  const float* group_input(int64_t row) const {
    return input_ + row / rows_per_group_ * step_.reading.stencil.channels * plane();
  }
  // From the first pixel of `rows` rows to the last.
  int64_t flat_floats(int64_t rows) const {
    return (rows - 1) * sum_row_floats_ + step_.width * context_.pixel;
  }
  void sum_dense(const RowBlock& block, int64_t start, int64_t vectors, float* sums) const;
  // Vectors of a tile that the dense kernel finishes and writes where they go: whole panels of nothing but pixels.
  int64_t finished_vectors(const ConvolutionTarget& target, int64_t first, int64_t count) const;
  void sum_panels(const ConvolutionPiece& piece, const ConvolutionTarget& target, const PanelTile& tile,
                  PieceMemory& memory) const;
  // Panels of even length that a tile of some vectors is made of.
  int64_t count_panels(int64_t vectors) const {
    return (vectors + context_.kernels.panel_vectors - 1) / context_.kernels.panel_vectors;
  }
  // Where panel number `panel` begins, `before` vectors into the tile: behind each lies one vector more.
  int64_t panel_offset(int64_t before, int64_t panel, int64_t columns) const {
    return (before * columns + panel) * context_.kernels.lanes;
  }
  // Whether a piece does not find its panels as the one before left them.
  bool copies_each_piece() const {
    return panels_ && panel_channels(tile_vectors()) < step_.weights->stencil().channels;
  }
  // Channels whose panels are copied together.
  int64_t panel_channels(int64_t vectors) const;
  // What the panels of `columns` columns, of the floats [start, end) of all output rows, are made of.
  std::vector<cpu::PanelPart> panel_parts(int64_t start, int64_t end, int64_t vectors, int64_t columns) const;
  // Adds the products of some columns of a block with their panels to its sums, or finishes them.
  void sum_block(const RowBlock& block, const ConvolutionTarget& target, const PanelTile& tile, int64_t first_column,
                 int64_t columns, const float* panels, float* sums) const;
  void sum_sparse(const ConvolutionPiece& piece, int64_t start, int64_t vectors, float* sums) const;
  void sum_merged(const ConvolutionPiece& piece, int64_t start, int64_t vectors, float* sums) const;
  // Whether the target's planes, and those added to them, lie in memory as the sums do, without a gap between rows.
  bool is_in_one_piece(const ConvolutionTarget& target) const;
  // Of `count` sums from float `first` of the target's rows on, those that are pixels of the image.
  ChannelWrites channel_writes(const ConvolutionTarget& target, int64_t first, int64_t count) const;

  const StepContext& context_;
  const Step& step_;
  const StepMemory& memory_;
  Form form_;
  const float* input_;
  // Whether the dense kernel reads panels instead of planes.
  bool panels_;
  // Between two rows of the input, and of the sums.
  int64_t row_floats_, sum_row_floats_, rows_per_group_;
  std::vector<int32_t> taps_;
};

}  // namespace finepune::serve
