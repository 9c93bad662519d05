// How sums of a convolution become a channel's pixels, whatever computed them.
#pragma once

#include <cstdint>

#include "serve/convolution_piece.h"
#include "serve/run_step.h"

namespace finepune::serve {

// Some rows of `length` sums, `stride` floats from one to the next.
struct SumRows {
  const float* sums;
  int64_t rows, length, stride;
};

// Writes the sums to the target's rows from row y and float `column` on, with the step's bias, residual and limits.
void write_block(const StepContext& context, const Step& step, const StepMemory& memory,
                 const ConvolutionTarget& target, int64_t channel, int64_t y, int64_t column, const SumRows& from);

}  // namespace finepune::serve
