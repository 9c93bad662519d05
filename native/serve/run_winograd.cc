#include <algorithm>

#include "serve/run_pooled.h"
#include "serve/run_step.h"
#include "serve/winograd_rows.h"

namespace finepune::serve {

namespace {

// Output channels of a group below which transforming its input is not worth trying.
constexpr int64_t kFewestRows = 8;
// Items of work a thread: enough for all to end together.
constexpr int64_t kItemsAThread = 4;

void run_plain(const StepContext& context, const Step& step, const WinogradRows& rows, const Planes& output) {
  const int64_t tiles = rows.tiles(step.height);
  int64_t pieces_a_group = 1;
  while (2 * pieces_a_group <= rows.most_pieces_a_group() && context.threads > 1 &&
         tiles * rows.pieces(pieces_a_group) < kItemsAThread * context.threads) {
    pieces_a_group *= 2;
  }
  const int64_t pieces = rows.pieces(pieces_a_group);
  context.team.run(context.threads, context.first_worker, tiles * pieces, [&](int64_t item, int64_t worker) {
    const int64_t tile = item / pieces;
    const ConvolutionPiece piece = rows.piece(pieces_a_group, item % pieces);
    if (tile == 0) {
      for (int64_t row = piece.first_row; row < piece.last_row; ++row) clear_padding(output, row);
    }
    rows.compute(piece, {output}, tile, tiles, context.scratch[worker].take(rows.floats()));
  });
}

// Pieces of few channels, whose rows lie in the nearer caches until they are pooled.
void run_winograd_pooled(const StepContext& context, const Step& step, const WinogradRows& rows,
                         const Planes& output) {
  const int64_t pieces_a_group = rows.most_pieces_a_group(), pieces = rows.pieces(pieces_a_group);
  PooledConvolution convolution;
  convolution.bands = bands_for_threads(context, pieces, output.layout.height);
  convolution.pieces = pieces;
  convolution.piece = [&](int64_t number) { return rows.piece(pieces_a_group, number); };
  convolution.floats = rows.floats();
  convolution.compute = [&](const ConvolutionPiece& piece, const ConvolutionTarget& target, float* memory) {
    const int64_t tiles = rows.tiles(target.planes.layout.height);
    for (int64_t tile = 0; tile < tiles; ++tile) rows.compute(piece, target, tile, tiles, memory);
  };
  run_pooled(context, step, convolution, output);
}

}  // namespace

bool can_be_winograd(const Step& step) {
  const ConvolutionShape& shape = step.convolution;
  return step.kind == StepKind::convolution && step.reading.direct && has_winograd(shape.kernel[0]) &&
         shape.dilations[0] == 1 && step.weights->rows() / shape.groups >= kFewestRows;
}

void run_winograd(const StepContext& context, const Step& step, const StepMemory& memory) {
  const WinogradRows rows(context, step, memory);
  if (step.pooled) return run_winograd_pooled(context, step, rows, memory.output);
  run_plain(context, step, rows, memory.output);
}

}  // namespace finepune::serve
