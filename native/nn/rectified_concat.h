// Concatenation of rectified values: one pass over memory instead of two, and one copy kept for the gradients.
#pragma once

#include <ATen/core/Tensor.h>

namespace finepune {

// max(input, 0) of all inputs, [N, C, ...] each, joined along C; NaN stays NaN. With autograd.
at::Tensor rectified_concat(at::TensorList inputs);

// The same, written to `output`, but for inputs that lie in their place there already: those are rectified as they are.
// Without autograd. Returns `output`.
at::Tensor rectify_into_places(at::TensorList inputs, const at::Tensor& output);

}  // namespace finepune
