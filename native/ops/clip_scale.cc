#include "ops/clip_scale.h"

#include <cmath>

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

namespace finepune {

at::Tensor clip_scale(const std::vector<at::Tensor>& gradients, double clip_norm, double square_sum) {
  if (!gradients.empty() && !gradients[0].is_cpu()) {
    const at::Tensor norms = at::stack(at::_foreach_norm(gradients, 2)).to(at::kDouble);
    const at::Tensor scale = at::linalg_vector_norm(norms).add_(1e-6).reciprocal_().mul_(clip_norm);
    return scale.clamp_max_(1.0).to(at::kFloat);
  }
  double squares = square_sum;
  for (const at::Tensor& gradient : gradients) {
    const double norm = at::linalg_vector_norm(gradient).item<double>();
    squares += norm * norm;
  }
  return at::scalar_tensor(std::min(1.0, clip_norm / (std::sqrt(squares) + 1e-6)), at::kFloat);
}

}  // namespace finepune
