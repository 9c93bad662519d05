#include "finite_values.h"

#include <cmath>

#include <ATen/ops/sum.h>

namespace finepune {
namespace {

bool has_finite_sum(const at::Tensor& values) { return std::isfinite(at::sum(values).item<float>()); }

}  // namespace

bool FiniteValues::up_to(size_t count) {
  if (!started_) finite_ = has_finite_sum(images_);
  started_ = true;
  for (; finite_ && read_ < count; ++read_) finite_ = has_finite_sum(parameters_[read_].value);
  return finite_;
}

}  // namespace finepune
