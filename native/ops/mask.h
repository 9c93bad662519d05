// Masks without a gradient step: refresh, candidate, product, count. Layout rules as in masked_step.h.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "ops/step_types.h"

namespace finepune {

// T <- 0 where |W| < a, T where a <= |W| < b, 1 where |W| >= b, and parameter <- W o T, in one pass
// (Dynamic Network Surgery, eq. 2). Returns the number of ones.
int64_t refresh_mask(const at::Tensor& parameter, const at::Tensor& shadow, const at::Tensor& mask,
                     const MaskThresholds& thresholds);

// parameter <- W o h(W) with the same h, T only read: for scoring a candidate. Returns the number of ones of h(W).
int64_t write_candidate(const at::Tensor& parameter, const at::Tensor& shadow, const at::Tensor& mask,
                        const MaskThresholds& thresholds);

// parameter <- W o T. Returns the number of ones.
int64_t write_masked(const at::Tensor& parameter, const at::Tensor& shadow, const at::Tensor& mask);

}  // namespace finepune
