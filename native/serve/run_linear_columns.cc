// A linear layer of one image from the columns of its weights: those of inputs that are zero are left out.
#include <algorithm>

#include "serve/run_step.h"

namespace finepune::serve {

namespace {

// Parts of the columns a thread, each with sums of its own: which thread takes which must not change what comes out.
constexpr int64_t kPartsAThread = 2;
// Rows of one piece of the addition of all parts.
constexpr int64_t kPieceRows = 512;

}  // namespace

void run_linear_columns(const StepContext& context, const Step& step, const float* input, float* output) {
  const Weights& weights = *step.weights;
  const ColumnWeights& columns = weights.columns();
  const int64_t rows = weights.rows(), features = weights.stencil().channels;
  const int64_t parts = context.threads * kPartsAThread;
  float* sums = context.scratch[context.first_worker].take(parts * rows);
  context.team.run(context.threads, context.first_worker, parts, [&](int64_t part, int64_t) {
    std::fill_n(sums + part * rows, rows, 0.0f);
    context.kernels.sparse_columns({input, features * part / parts, features * (part + 1) / parts,
                                    columns.starts.data(), columns.rows.data(), columns.values.data(),
                                    sums + part * rows});
  });
  const int64_t pieces = (rows + kPieceRows - 1) / kPieceRows;
  context.team.run(context.threads, context.first_worker, pieces, [&](int64_t piece, int64_t) {
    for (int64_t row = piece * kPieceRows; row < std::min((piece + 1) * kPieceRows, rows); ++row) {
      float value = step.bias[row];
      for (int64_t part = 0; part < parts; ++part) value += sums[part * rows + row];
      value = value < step.low ? step.low : value;
      output[row] = value > step.high ? step.high : value;
    }
  });
}

}  // namespace finepune::serve
