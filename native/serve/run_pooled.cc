#include "serve/run_pooled.h"

#include <algorithm>

#include "serve/pool_rows.h"

namespace finepune::serve {

int64_t bands_for_threads(const StepContext& context, int64_t pieces, int64_t pooled_rows) {
  const int64_t wanted = (context.threads + pieces - 1) / pieces;
  return std::max<int64_t>(1, std::min(wanted, pooled_rows / kFewestPooledRows));
}

void run_pooled(const StepContext& context, const Step& step, const PooledConvolution& convolution,
                const Planes& output) {
  const int64_t bands = convolution.bands, pieces = convolution.pieces, pooled_rows = output.layout.height;
  context.team.run(context.threads, context.first_worker, bands * pieces, [&](int64_t item, int64_t worker) {
    const int64_t band = item / pieces;
    const RowRange pooled{pooled_rows * band / bands, pooled_rows * (band + 1) / bands};
    const ConvolutionPiece piece = convolution.piece(item % pieces);
    const RowRange covered = covered_rows(step.windows, pooled);

    ConvolutionTarget target;
    target.planes.layout.channels = piece.last_row - piece.first_row;
    target.planes.layout.height = covered.last - covered.first;
    target.planes.layout.width = step.width;
    target.planes.pixel = context.pixel;
    target.first_channel = piece.first_row;
    target.first_row = covered.first;
    const int64_t plane_floats = target.planes.layout.pixels() * context.pixel + context.kernels.lanes;
    float* memory = context.scratch[worker].take(convolution.floats + plane_floats +
                                                 pool_scratch(context, step.windows));
    target.planes.data = memory + convolution.floats;
    convolution.compute(piece, target, memory);
    for (int64_t row = piece.first_row; row < piece.last_row; ++row) {
      if (band == 0) clear_padding(output, row);
      pool_rows(context, step, {target.planes, row - piece.first_row, covered.first}, {output, row}, pooled,
                target.planes.data + plane_floats);
    }
  });
}

}  // namespace finepune::serve
