// The masked SGD step: one pass a layer over gradient, shadow, momentum and mask (METHOD.md section 2).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "ops/gradient_factors.h"
#include "ops/step_types.h"

namespace finepune {

// The tensors of one weight. All have one shape and one dense memory layout (the same strides), are float32 but the
// mask, which is uint8 holding 0 or 1, and live on one device. Without a mask the parameter is W itself.
struct MaskedWeight {
  at::Tensor parameter;  // W o T, what forward uses; written only
  at::Tensor shadow;     // W; undefined without a mask
  at::Tensor momentum;   // m
  at::Tensor mask;       // T; may be undefined
};

// What one layer does in a step.
struct LayerStep {
  MaskedWeight weight;
  // As the parameter; undefined where there are factors.
  at::Tensor gradient;
  float learning_rate = 0;
  // a and b where the mask is refreshed; ignored without a mask.
  std::optional<MaskThresholds> refresh;
  // Where the number of ones stands in `kept`; not used without a mask.
  int64_t kept_index = 0;
  // The gradient of a weight [out, in], contiguous, on its device; null where it is given whole.
  c10::intrusive_ptr<GradientFactors> factors = nullptr;
};

// What all layers of a step share. The tensors hold one value each, on the layers' device, so that a value computed
// there need not be waited for.
struct StepOptions {
  float momentum = 0;
  float weight_decay = 0;
  PrunedEntries pruned = PrunedEntries::learning;
  // float32: factor on the gradients before weight decay, below 1 where their norm was clipped. Undefined: 1.
  at::Tensor gradient_scale;
  // bool: false leaves everything as it is. Undefined: true.
  at::Tensor proceed;
};

// SGD with momentum as PyTorch's, on W, with the gradient of the loss by W o T given to every entry of W (Guo, Yao,
// Chen, "Dynamic Network Surgery for Efficient DNNs", NIPS 2016, eq. 3: pruned entries go on learning, which is how
// they come back), for all layers:
//   g <- gradient_scale * gradient + weight_decay * W o T
//   m <- mu * m + g;   W <- W - lr * m
//   T <- 0 where |W| < a, T where a <= |W| < b, 1 where |W| >= b     (eq. 2; only where `refresh` gives a and b)
//   parameter <- W o T
// Weight decay acts on kept entries only: a pruned one must not shrink, out of sight, below what its gradients made it.
// With PrunedEntries::frozen, W of a pruned entry stays as it is and its m becomes 0, so that no momentum of an earlier
// phase can move it later. A NaN in W leaves its mask alone.
// Values are the same to the last bit on every CPU, for every number of threads, and on a GPU: no sum crosses entries,
// but for a gradient given in factors, whose sums over images depend on the instruction set; on a GPU its products are those
// of tensor_float32.
// `kept`: int64, on the layers' device; at each layer's index the number of ones in its T before the step and, after it,
// behind it. On a GPU the step is queued on the current stream, and nothing waits for it.
// Throws std::invalid_argument on tensors that do not fit together.
void step_layers(const std::vector<LayerStep>& layers, const StepOptions& options, const at::Tensor& kept);

// Whether a step with the gradient of `weight` in factors of so many images, products of `type` asked for, is at least as
// fast as one with the gradient made before, and as exact. On the CPU always; on a GPU where float32 products may be
// tensor_float32's, or are bfloat16's, whose values those hold, and the weight is large.
bool takes_factors(const at::Tensor& weight, int64_t images, at::ScalarType type);

}  // namespace finepune
