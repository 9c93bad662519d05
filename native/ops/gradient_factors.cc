#include "ops/gradient_factors.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

namespace finepune {

void GradientFactors::add(const at::Tensor& more_outputs, const at::Tensor& more_inputs) {
  outputs = defined() ? at::cat({outputs, more_outputs}) : more_outputs;
  inputs = inputs.defined() ? at::cat({inputs, more_inputs}) : more_inputs;
}

void GradientFactors::reset() {
  outputs.reset();
  inputs.reset();
}

at::Tensor GradientFactors::product() const { return at::mm(outputs.t(), inputs); }

at::Tensor GradientFactors::square_sum() const {
  // |G^T X|^2 = sum over images n, m of (G G^T)_nm (X X^T)_nm.
  const at::Tensor gradients = outputs.to(at::kDouble), values = inputs.to(at::kDouble);
  return at::mm(gradients, gradients.t()).mul_(at::mm(values, values.t())).sum();
}

}  // namespace finepune
