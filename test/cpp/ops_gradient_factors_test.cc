#include "ops/gradient_factors.h"

#include <ATen/ATen.h>

#include "check.h"
#include "devices.h"
#include "nn_support.h"
#include "ops/device.h"

namespace finepune::test {
namespace {

at::Tensor norms(const at::Tensor& rows) { return rows.to(at::kDouble).norm(2, {1}, /*keepdim=*/true); }

}  // namespace

TEST_ON_DEVICES("products of rows are those of float64 but for float32's rounding, whatever part of 256 columns is left") {
  set_product_precision(device, /*tensor_float32=*/true);
  for (const int64_t columns : {3, 256, 1000, 9216}) {
    // Half of them positive, so that sums grow.
    const at::Tensor rows = random_tensor({40, columns}, 1).clamp_min(-0.1);
    const at::Tensor exact = at::mm(rows.to(at::kDouble), rows.t().to(at::kDouble));
    const at::Tensor products = row_products(rows.to(device));
    CHECK(products.device() == device && products.scalar_type() == at::kDouble);
    CHECK(((products.cpu() - exact) / (norms(rows) * norms(rows).t())).abs().max().item<double>() < 2e-6);
  }
}

TEST_ON_DEVICES("squares of a gradient in factors add up to those of the gradient, where images cancel one another too") {
  set_product_precision(device, /*tensor_float32=*/true);
  for (const bool cancel : {false, true}) {
    at::Tensor outputs = random_tensor({64, 500}, 1), inputs = random_tensor({64, 1500}, 2);
    if (cancel) {
      outputs = outputs - outputs.mean(0, true);
      inputs = inputs * 1e-3 + random_tensor({1, 1500}, 3);
    }
    GradientFactors factors;
    factors.add(outputs.to(device), inputs.to(device));
    const double exact = at::mm(outputs.t().to(at::kDouble), inputs.to(at::kDouble)).square().sum().item<double>();
    const double most = (norms(outputs) * norms(inputs)).sum().square().item<double>();
    CHECK(!cancel || exact < 1e-6 * most);
    CHECK_NEAR(factors.square_sum().item<double>() / most, exact / most, device.is_cpu() ? 1e-13 : 1e-6);
  }
}

}  // namespace finepune::test
