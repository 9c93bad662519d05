#include "ops/clip_scale.h"

#include <algorithm>
#include <cmath>

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

namespace finepune {
namespace {

at::Tensor scale_on_device(const std::vector<at::Tensor>& gradients, double clip_norm, const at::Tensor& square_sum) {
  at::Tensor squares = square_sum;
  if (!gradients.empty()) {
    const at::Tensor own = at::stack(at::_foreach_norm(gradients, 2)).to(at::kDouble).square_().sum();
    squares = squares.defined() ? squares + own : own;
  }
  return scale_for_square_sum(squares, clip_norm);
}

}  // namespace

at::Tensor scale_for_square_sum(const at::Tensor& square_sum, double clip_norm) {
  const at::Tensor norm = square_sum.clamp_min(0).sqrt_();
  return norm.add_(1e-6).reciprocal_().mul_(clip_norm).clamp_max_(1.0).to(at::kFloat);
}

at::Tensor clip_scale(const std::vector<at::Tensor>& gradients, double clip_norm, const at::Tensor& square_sum) {
  const bool on_cpu = gradients.empty() ? square_sum.is_cpu() : gradients[0].is_cpu();
  if (!on_cpu) return scale_on_device(gradients, clip_norm, square_sum);
  double squares = square_sum.defined() ? square_sum.item<double>() : 0;
  for (const at::Tensor& gradient : gradients) {
    const double norm = at::linalg_vector_norm(gradient).item<double>();
    squares += norm * norm;
  }
  // In this order what is no number stays none; a sum that rounding left below 0 counts as 0.
  const double norm = std::sqrt(std::max(squares, 0.0));
  return at::scalar_tensor(std::min(clip_norm / (norm + 1e-6), 1.0), at::kFloat);
}

}  // namespace finepune
