#include <algorithm>

#include "serve/convolution_rows.h"
#include "serve/run_pooled.h"
#include "serve/run_step.h"

namespace finepune::serve {

namespace {

// Items of work a thread: enough for all to end together.
constexpr int64_t kItemsAThread = 4;
// Floats of a convolution's rows that lie in the nearer caches until they are pooled: half of a core's own.
constexpr int64_t kNearFloats = int64_t{1} << 17;

// Tiles of even length, and all channels of one before the next, so that its input stays in the cache.
void run_plain(const StepContext& context, const ConvolutionRows& convolution, const Planes& output) {
  const int64_t vectors = convolution.vectors(output.layout.height), most = convolution.tile_vectors();
  const int64_t tiles = (vectors + most - 1) / most;
  int64_t piece_rows = convolution.most_piece_rows();
  while (piece_rows > convolution.fewest_piece_rows() &&
         tiles * convolution.pieces(piece_rows) < kItemsAThread * context.threads) {
    piece_rows /= 2;
  }
  const int64_t pieces = convolution.pieces(piece_rows);
  std::vector<PieceMemory> memories(context.scratch.size());
  context.team.run(context.threads, context.first_worker, tiles * pieces, [&](int64_t item, int64_t worker) {
    const int64_t tile = item / pieces;
    const int64_t first = vectors * tile / tiles, count = vectors * (tile + 1) / tiles - first;
    const ConvolutionPiece piece = convolution.piece(piece_rows, item % pieces);
    if (tile == 0) {
      for (int64_t row = piece.first_row; row < piece.last_row; ++row) clear_padding(output, row);
    }
    PieceMemory& memory = memories[worker];
    memory.panels = context.scratch[worker].take(convolution.panel_floats() + convolution.sum_floats(piece_rows));
    memory.sums = memory.panels + convolution.panel_floats();
    convolution.compute(piece, {output}, first, count, memory);
  });
}

// Bands of pooled rows, and the pieces that the channels are computed in.
struct PooledWork {
  int64_t bands, piece_rows;
};

PooledWork share_pooled(const StepContext& context, const Step& step, const ConvolutionRows& convolution) {
  const PoolWindows& windows = step.windows;
  const int64_t row_floats = step.width * context.pixel;
  PooledWork work{1, convolution.most_piece_rows()};
  while (work.piece_rows > convolution.fewest_piece_rows() &&
         (convolution.pieces(work.piece_rows) < kItemsAThread * context.threads ||
          work.piece_rows * step.height * row_floats > kNearFloats)) {
    work.piece_rows /= 2;
  }
  const int64_t rows = kNearFloats / (work.piece_rows * row_floats);
  const int64_t pooled_rows = std::max(kFewestPooledRows, (rows - windows.kernel[0]) / windows.strides[0] + 1);
  const int64_t near = (windows.output[0] + pooled_rows - 1) / pooled_rows;
  work.bands = std::max(near, bands_for_threads(context, convolution.pieces(work.piece_rows), windows.output[0]));
  return work;
}

void run_convolution_pooled(const StepContext& context, const Step& step, const ConvolutionRows& rows,
                            const Planes& output) {
  const auto [bands, piece_rows] = share_pooled(context, step, rows);
  PooledConvolution convolution;
  convolution.bands = bands;
  convolution.pieces = rows.pieces(piece_rows);
  convolution.piece = [&rows, size = piece_rows](int64_t number) { return rows.piece(size, number); };
  convolution.floats = rows.panel_floats() + rows.sum_floats(piece_rows);
  convolution.compute = [&rows](const ConvolutionPiece& piece, const ConvolutionTarget& target, float* memory) {
    const int64_t vectors = rows.vectors(target.planes.layout.height), most = rows.tile_vectors();
    const int64_t tiles = (vectors + most - 1) / most;
    PieceMemory own;
    own.panels = memory;
    own.sums = memory + rows.panel_floats();
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const int64_t first = vectors * tile / tiles, count = vectors * (tile + 1) / tiles - first;
      rows.compute(piece, target, first, count, own);
    }
  };
  run_pooled(context, step, convolution, output);
}

}  // namespace

void run_convolution(const StepContext& context, const Step& step, Form form, const StepMemory& memory) {
  if (form == Form::winograd) return run_winograd(context, step, memory);
  const ConvolutionRows convolution(context, step, form, memory);
  if (step.pooled) return run_convolution_pooled(context, step, convolution, memory.output);
  run_plain(context, convolution, memory.output);
}

}  // namespace finepune::serve
