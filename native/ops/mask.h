// Masks without a gradient step: refresh, candidate, product, count. Layout rules as in masked_step.h.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "ops/step_types.h"

namespace finepune {

// One layer's parameter, W and T, and which mask its parameter is to have. `thresholds`: a and b, not read for
// MaskUse::stored.
struct MaskedLayer {
  at::Tensor parameter;
  at::Tensor shadow;
  at::Tensor mask;
  MaskUse use = MaskUse::stored;
  MaskThresholds thresholds;
};

// With h(W) = 0 where |W| < a, T where a <= |W| < b, 1 where |W| >= b (Dynamic Network Surgery, eq. 2), in one pass:
//   MaskUse::refresh     T <- h(W), parameter <- W o T
//   MaskUse::candidate   parameter <- W o h(W), T only read: for scoring a candidate
//   MaskUse::stored      parameter <- W o T
// Returns for each layer the number of ones in the mask its parameter has now. Waits for the device.
// Throws std::invalid_argument on tensors that do not fit together.
std::vector<int64_t> write_masks(const std::vector<MaskedLayer>& layers);

}  // namespace finepune
