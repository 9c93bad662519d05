// Concatenation of rectified values: one pass over memory instead of two, and one copy kept for the gradients.
#pragma once

#include <ATen/core/Tensor.h>

namespace finepune {

// max(input, 0) of all inputs, [N, C, ...] each, joined along C; NaN stays NaN. With autograd.
at::Tensor rectified_concat(at::TensorList inputs);

}  // namespace finepune
