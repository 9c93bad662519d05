// The masked SGD step: one pass a layer over gradient, shadow, momentum and mask (METHOD.md section 2).
#pragma once

#include <cstdint>
#include <optional>

#include <ATen/core/Tensor.h>

#include "ops/step_types.h"

namespace finepune {

// The tensors of one prunable weight. All have one shape and one dense memory layout (the same strides), are float32
// but the mask, which is uint8 holding 0 or 1, and live on one device.
struct MaskedWeight {
  at::Tensor parameter;  // W o T, what forward uses; written only
  at::Tensor shadow;     // W
  at::Tensor momentum;   // m
  at::Tensor mask;       // T
};

// SGD with momentum as PyTorch's, on W, with the gradient of the loss by W o T given to every entry of W (Guo, Yao,
// Chen, "Dynamic Network Surgery for Efficient DNNs", NIPS 2016, eq. 3: pruned entries go on learning, which is how
// they come back):
//   g <- gradient_scale * gradient + weight_decay * W o T
//   m <- mu * m + g;   W <- W - lr * m
//   T <- 0 where |W| < a, T where a <= |W| < b, 1 where |W| >= b     (eq. 2; only where `refresh` gives a and b)
//   parameter <- W o T
// Weight decay acts on kept entries only: a pruned one must not shrink, out of sight, below what its gradients made it.
// With PrunedEntries::frozen, W of a pruned entry stays as it is and its m becomes 0, so that no momentum of an earlier
// phase can move it later. A NaN in W leaves its mask alone.
// Values are the same to the last bit on every CPU and for every number of threads: no sum crosses entries.
// Returns the number of ones in T. Throws std::invalid_argument on tensors that do not fit together.
int64_t masked_step(const MaskedWeight& weight, const at::Tensor& gradient, const StepRates& rates,
                    PrunedEntries pruned, const std::optional<MaskThresholds>& refresh);

// The same step for a tensor without a mask, on the parameter itself.
void plain_step(const at::Tensor& parameter, const at::Tensor& momentum, const at::Tensor& gradient,
                const StepRates& rates);

}  // namespace finepune
