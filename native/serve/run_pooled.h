// A convolution that is pooled as it is computed, whatever computes it.
#pragma once

#include <cstdint>
#include <functional>

#include "serve/convolution_piece.h"
#include "serve/run_step.h"

namespace finepune::serve {

// Pooled rows computed together, at least: windows overlap, and the rows two bands share are computed for each.
constexpr int64_t kFewestPooledRows = 4;

// Bands of the output's rows that give every thread work where the channels make `pieces` pieces.
int64_t bands_for_threads(const StepContext& context, int64_t pieces, int64_t pooled_rows);

struct PooledConvolution {
  // Bands of pooled rows, and pieces of the output channels.
  int64_t bands, pieces;
  std::function<ConvolutionPiece(int64_t)> piece;
  // Floats of memory that `compute` needs.
  int64_t floats;
  // Writes the piece's channels of the target's rows.
  std::function<void(const ConvolutionPiece&, const ConvolutionTarget&, float* memory)> compute;
};

// A band of some channels is computed into the thread's own memory and pooled from there.
void run_pooled(const StepContext& context, const Step& step, const PooledConvolution& convolution,
                const Planes& output);

}  // namespace finepune::serve
