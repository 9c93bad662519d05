// A linear layer with dense products whose weight's gradient is left in factors.
#pragma once

#include <optional>

#include "network.h"

namespace finepune {

// Whether `weight` asks for factors, and `input` [N, in] is one of which a step takes them with profit: float32, or
// bfloat16.
bool has_factored_linear(const at::Tensor& input, const Parameter& weight);

// [N, out] as at::linear of `input` [N, in], `weight` [out, in] and `bias` [out], in bfloat16 under autocast. Its
// gradients are the same, but the weight gets none: the factors of it, whose product the step takes in float32, are
// left in `factors`. Without `factors` (null) it gets one.
at::Tensor factored_linear(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                           const c10::intrusive_ptr<GradientFactors>& factors);

}  // namespace finepune
