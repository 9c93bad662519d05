#include "ops/gradient_factors.h"

#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

namespace finepune {
namespace {

// So few that rounding stays small and parts give a GPU enough to do at once, so many that their sums take little memory.
constexpr int64_t kPartColumns = 256;

at::Tensor exact_row_products(const at::Tensor& values) {
  const at::Tensor rows = values.to(at::kDouble);
  return at::mm(rows, rows.t());
}

}  // namespace

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
  const auto products = [](const at::Tensor& rows) { return rows.is_cpu() ? exact_row_products(rows) : row_products(rows); };
  return products(outputs).mul_(products(inputs)).sum();
}

at::Tensor row_products(const at::Tensor& values) {
  const at::NoTF32Guard no_tensor_float32;
  const int64_t rows = values.size(0), columns = values.size(1), parts = columns / kPartColumns;
  const int64_t whole = parts * kPartColumns;
  const at::Tensor part = values.narrow(1, 0, whole).view({rows, parts, kPartColumns}).transpose(0, 1);
  const at::Tensor rest = values.narrow(1, whole, columns - whole);
  const at::Tensor sums = at::bmm(part, part.transpose(1, 2)).sum(0);
  return sums.addmm_(rest, rest.t()).to(at::kDouble);
}

}  // namespace finepune
