// The masked step of a linear layer whose gradient is the product of two factors.
#pragma once

#include <cstdint>

#include "ops/cpu/step_kernels.h"
#include "ops/cpu/tile_kernels.h"
#include "ops/gradient_factors.h"

namespace finepune {

// As the step kernel over the whole of `weight`, whose gradient pointer is not looked at: blocks of the gradient are
// multiplied in a core's own cache and stepped with at once. `factors`: of a weight [out, in], contiguous, of
// weight.count entries. Sums over images are taken in their order, whatever the number of threads. `weight.stream` asks
// for rows of whole cache lines. Returns the number of ones in the mask, 0 without one.
int64_t factored_step(const cpu::StepSpan& weight, const GradientFactors& factors, const StepRates& rates,
                      PrunedEntries pruned, const MaskThresholds* refresh, cpu::StepKernel kernel,
                      const cpu::TileKernels& products);

}  // namespace finepune
