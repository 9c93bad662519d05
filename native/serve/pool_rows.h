// Rows of a channel pooled: by pooling steps, and by convolutions that are pooled as they are computed.
#pragma once

#include <cstdint>

#include "serve/run_step.h"

namespace finepune::serve {

// Rows [first, last) of the pooled plane, or of the plane it is made of.
struct RowRange {
  int64_t first, last;
};

// One channel of some planes, whose row 0 is row `first_row` of the whole.
struct PooledPlane {
  const Planes& planes;
  int64_t channel, first_row = 0;
};

// The rows of the input that the windows of `pooled` cover.
RowRange covered_rows(const PoolWindows& windows, RowRange pooled);

// Floats of scratch that pool_rows needs.
int64_t pool_scratch(const StepContext& context, const PoolWindows& windows);

// Writes the rows `pooled` of the output's channel; maximum, or average as step.kind says.
void pool_rows(const StepContext& context, const Step& step, PooledPlane input, PooledPlane output, RowRange pooled,
               float* scratch);

}  // namespace finepune::serve
