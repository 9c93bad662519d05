#include <algorithm>
#include <cstring>

#include "serve/run_step.h"

namespace finepune::serve {

namespace {

// Rows of one piece of work.
constexpr int64_t kPieceRows = 32;

float limited(const Step& step, int64_t row, float sum) {
  float value = sum + step.bias[row];
  value = value < step.low ? step.low : value;
  return value > step.high ? step.high : value;
}

// One image a vector: a product of the matrix with each.
void run_single(const StepContext& context, const Step& step, Form form, const std::vector<const float*>& inputs,
                const std::vector<float*>& outputs) {
  const Weights& weights = *step.weights;
  const SparseWeights& sparse = weights.sparse();
  const int64_t rows = weights.rows(), features = weights.stencil().channels;
  if (form == Form::columns) {
    for (size_t image = 0; image < inputs.size(); ++image) {
      run_linear_columns(context, step, inputs[image], outputs[image]);
    }
    return;
  }
  const int64_t pieces = (rows + kPieceRows - 1) / kPieceRows;
  context.team.run(context.threads, context.first_worker, pieces, [&](int64_t piece, int64_t) {
    const int64_t first = piece * kPieceRows, last = std::min(first + kPieceRows, rows);
    if (form == Form::sparse) {
      for (size_t image = 0; image < inputs.size(); ++image) {
        float sums[kPieceRows] = {};
        // One block after the other: its part of the input stays in the nearest cache.
        for (const SparseBlock& block : sparse.blocks) {
          for (int64_t row = first; row < last; ++row) {
            const int64_t entry = block.starts[row];
            sums[row - first] +=
                context.kernels.sparse_dot(sparse.offsets.data() + entry, sparse.values.data() + entry,
                                           block.starts[row + 1] - entry, inputs[image] + block.first_channel);
          }
        }
        for (int64_t row = first; row < last; ++row) outputs[image][row] = limited(step, row, sums[row - first]);
      }
      return;
    }
    for (int64_t b = first / 8; b * 8 < last; ++b) {
      const RowBlock& block = weights.row_blocks()[b];
      for (size_t image = 0; image < inputs.size(); ++image) {
        float sums[8];
        context.kernels.panel_dot(weights.packed() + block.offset, inputs[image], features, sums);
        const int64_t count = std::min<int64_t>(8, rows - block.first);
        for (int64_t r = 0; r < count; ++r) {
          outputs[image][block.first + r] = limited(step, block.first + r, sums[r]);
        }
      }
    }
  });
}

}  // namespace

void run_linear(const StepContext& context, const Step& step, Form form, const std::vector<const float*>& inputs,
                const std::vector<float*>& outputs) {
  if (context.pixel == 1) return run_single(context, step, form, inputs, outputs);
  const Weights& weights = *step.weights;
  const SparseWeights& sparse = weights.sparse();
  const int64_t rows = weights.rows(), features = weights.stencil().channels;
  const int64_t groups = static_cast<int64_t>(inputs.size()), pixel = context.pixel * groups;
  const float* input = inputs[0];
  AlignedFloats together;
  if (groups > 1) {
    // All images of a feature side by side: every weight is then read once.
    together = AlignedFloats(features * pixel);
    context.team.run(context.threads, context.first_worker, groups, [&](int64_t group, int64_t) {
      for (int64_t feature = 0; feature < features; ++feature) {
        std::memcpy(together.data() + feature * pixel + group * context.pixel, inputs[group] + feature * context.pixel,
                    static_cast<size_t>(context.pixel) * sizeof(float));
      }
    });
    input = together.data();
  }
  const int64_t lanes = context.kernels.lanes, vectors = (pixel + lanes - 1) / lanes;
  const int64_t pieces = (rows + kPieceRows - 1) / kPieceRows;
  const int32_t tap = 0;
  context.team.run(context.threads, context.first_worker, pieces, [&](int64_t piece, int64_t worker) {
    const int64_t first = piece * kPieceRows, last = std::min(first + kPieceRows, rows), stride = vectors * lanes;
    float* sums = context.scratch[worker].take(kPieceRows * stride);
    if (form == Form::sparse) {
      bool begun = false;
      for (const SparseBlock& block : sparse.blocks) {
        context.kernels.sparse({input + block.first_channel * pixel, sparse.offsets.data(), sparse.values.data(),
                                block.starts.data() + first, last - first, pixel, vectors, sums, stride, begun});
        begun = true;
      }
    } else {
      for (int64_t b = first / 8; b * 8 < last; ++b) {
        const RowBlock& block = weights.row_blocks()[b];
        context.kernels.dense({input, features, pixel, &tap, 1, weights.packed() + block.offset, 8, vectors,
                               sums + (block.first - first) * stride, stride});
      }
    }
    for (int64_t row = first; row < last; ++row) {
      for (int64_t group = 0; group < groups; ++group) {
        context.kernels.write_rows({sums + (row - first) * stride + group * context.pixel, nullptr,
                                    outputs[group] + row * context.pixel, context.pixel, step.bias[row], step.low,
                                    step.high});
      }
    }
  });
}

}  // namespace finepune::serve
