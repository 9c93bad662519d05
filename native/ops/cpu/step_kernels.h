// Kernels of the masked step over a span of memory, one set an instruction set. Included by files compiled for other
// instruction sets than the rest, so it must bring in no inline code.
#pragma once

#include <cstdint>

#include "ops/step_types.h"

namespace finepune::cpu {

// `mask` null: a plain step, where shadow and parameter may be one memory. `refresh` null: the mask is only read.
// `stream`: write the parameter past the caches; it needs 64-byte aligned memory.
struct StepSpan {
  float* parameter;
  float* shadow;
  float* momentum;
  const float* gradient;
  uint8_t* mask;
  int64_t count;
  bool stream;
};

// Returns the number of ones in the span's mask, 0 without one.
using StepKernel = int64_t (*)(const StepSpan&, const StepRates&, PrunedEntries, const MaskThresholds* refresh);

int64_t step_portable(const StepSpan&, const StepRates&, PrunedEntries, const MaskThresholds* refresh);
int64_t step_avx2(const StepSpan&, const StepRates&, PrunedEntries, const MaskThresholds* refresh);
int64_t step_avx512(const StepSpan&, const StepRates&, PrunedEntries, const MaskThresholds* refresh);

struct NamedStepKernel {
  const char* name;
  StepKernel kernel;
};

// The kernels this CPU can run, the best one last; `count` receives their number (1 to 3).
const NamedStepKernel* step_kernels(int* count);

}  // namespace finepune::cpu
