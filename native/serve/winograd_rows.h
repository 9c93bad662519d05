// A convolution with three or five rows of taps by Winograd's minimal filtering F(4, 3) or F(4, 5) (Winograd,
// "Arithmetic Complexity of Computations", 1980; Lavin and Gray, CVPR 2016, equation 15) down the columns alone: 6
// products give what takes 12, or 8 what takes 20.
//
//   output rows 4t .. 4t+3 = A^T [ (G g) . (B^T d) ],  d: padded input rows 4t .. 4t+5, or 4t+7
//
// Along a row the taps are multiplied as they are: neighbouring pixels stay neighbours, so that each of the products
// is a direct convolution of one row of taps, and no error grows in two directions.
//
// Notation: a band is the pixels of all rows t one after the other in the input's row stride, a value each for every
// product. It is computed in tiles of some vectors, whose values stay in the core's own cache while all output channels
// of a piece read them.
#pragma once

#include <cstdint>
#include <vector>

#include "serve/channel_writes.h"
#include "serve/convolution_piece.h"
#include "serve/run_step.h"
#include "serve/winograd_weights.h"

namespace finepune::serve {

class WinogradRows {
 public:
  // The arguments must stay.
  WinogradRows(const StepContext& context, const Step& step, const StepMemory& memory);

  // Pieces of blocks of rows, none of two groups: at most so many a group; one of them.
  int64_t most_pieces_a_group() const;
  int64_t pieces(int64_t pieces_a_group) const { return pieces_a_group * step_.convolution.groups; }
  ConvolutionPiece piece(int64_t pieces_a_group, int64_t number) const;
  // Tiles of the band of `rows` rows of output.
  int64_t tiles(int64_t rows) const;
  // Floats of memory that `compute` needs.
  int64_t floats() const;
  // Computes one of the `tiles` tiles of the target's rows and writes what of it are pixels.
  void compute(const ConvolutionPiece& piece, const ConvolutionTarget& target, int64_t tile, int64_t tiles,
               float* memory) const;

 private:
  int64_t vectors(int64_t rows) const;
  int64_t tile_vectors() const;
  // Between the values of two channels, of a tile of `vectors` vectors.
  int64_t channel_stride(int64_t vectors) const;
  void transform_channel(const ConvolutionTarget& target, const float* plane, int64_t begin, int64_t length,
                         float* values, int64_t point_stride) const;
  // Of a tile's floats [begin, begin + length), those that are pixels of the target.
  ChannelWrites channel_writes(const ConvolutionTarget& target, int64_t begin, int64_t length) const;

  const StepContext& context_;
  const Step& step_;
  const StepMemory& memory_;
  const Weights& weights_;
  // Rows of taps, and products; floats of a row and of a plane of the input.
  int64_t tap_rows_, points_, lanes_, row_floats_, plane_, channels_;
  const float* input_;
  // Of one row.
  std::vector<int32_t> taps_;
  std::vector<float> zeros_;
};

}  // namespace finepune::serve
