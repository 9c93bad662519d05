// The gradient of a linear layer by its weight, for autograd functions: whole, or in factors.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/gradient_factors.h"

namespace finepune {

// Where `context`'s backward leaves the factors; null for a gradient that is whole.
void save_factors(torch::autograd::AutogradContext& context, const c10::intrusive_ptr<GradientFactors>& factors);

// [out, in] of the gradient by the output [N, out] and the input [N, in], of one dtype; or an undefined tensor, and the
// factors, in float32, where save_factors has told.
at::Tensor linear_weight_gradient(torch::autograd::AutogradContext& context, const at::Tensor& gradient,
                                  const at::Tensor& input);

}  // namespace finepune
