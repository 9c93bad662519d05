#include "nn/factored_linear.h"

#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>

#include "check.h"
#include "nn/sparse_linear.h"
#include "nn_support.h"

namespace finepune::test {
namespace {

using Factors = c10::intrusive_ptr<GradientFactors>;

struct Leaves {
  at::Tensor input = random_tensor({20, 300}, 1).requires_grad_();
  at::Tensor weight = (random_tensor({250, 300}, 2) * at::lt(random_tensor({250, 300}, 5), -0.6)).requires_grad_();
  at::Tensor bias = random_tensor({250}, 3).requires_grad_();
};

// The layer's own gradients beside those of at::linear in float64, the weight's from its factors.
template <typename Layer>
void check_layer(const Layer& layer) {
  const at::Tensor gradient = random_tensor({20, 250}, 4);
  Leaves leaves;
  const auto factors = c10::make_intrusive<GradientFactors>();
  const at::Tensor output = layer(leaves.input, leaves.weight, leaves.bias, factors);
  output.backward(gradient);
  const auto leaf = [](const at::Tensor& value) { return value.detach().to(at::kDouble).requires_grad_(); };
  const at::Tensor x = leaf(leaves.input), w = leaf(leaves.weight), b = leaf(leaves.bias);
  const at::Tensor expected = at::linear(x, w, b);
  expected.backward(gradient.to(at::kDouble));
  CHECK(relative_error(output, expected) < 1e-6);
  CHECK(relative_error(leaves.input.grad(), x.grad()) < 1e-6);
  CHECK(relative_error(leaves.bias.grad(), b.grad()) < 1e-6);
  CHECK(!leaves.weight.grad().defined());
  CHECK(relative_error(factors->product(), w.grad()) < 1e-6);
  layer(leaves.input, leaves.weight, std::nullopt, factors).backward(gradient);
  CHECK(relative_error(factors->product(), 2 * w.grad()) < 1e-6);
  factors->reset();
  layer(leaves.input, leaves.weight.detach(), leaves.bias, factors).backward(gradient);
  CHECK(!factors->defined());
}

TEST("factored linear: the weight's gradient is left in factors, the others agree with a double reference") {
  check_layer(factored_linear);
}

TEST("sparse linear: the weight's gradient is left in factors where they are asked for") {
  check_layer([](const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                 const Factors& factors) { return sparse_linear(input, weight, bias, factors); });
}

TEST("factored linear: in bfloat16 under autocast, its gradient's factors in float32") {
  Leaves leaves;
  const at::Tensor gradient = random_tensor({20, 250}, 4);
  const auto factors = c10::make_intrusive<GradientFactors>();
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const at::Tensor output = factored_linear(leaves.input, leaves.weight, leaves.bias, factors);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  CHECK(output.scalar_type() == at::kBFloat16);
  output.backward(gradient.to(at::kBFloat16));
  const at::Tensor by_weight = at::mm(gradient.t(), leaves.input.detach());
  CHECK(relative_error(output, at::linear(leaves.input, leaves.weight, leaves.bias)) < 1e-2);
  CHECK(relative_error(leaves.input.grad(), at::mm(gradient, leaves.weight.detach())) < 1e-2);
  CHECK(relative_error(leaves.bias.grad(), gradient.sum(0)) < 1e-2);
  CHECK(factors->outputs.scalar_type() == at::kFloat && factors->inputs.scalar_type() == at::kFloat);
  CHECK(relative_error(factors->product(), by_weight) < 1e-2);
}

TEST("factored linear: only where factors are asked for, and gradients wanted") {
  const Leaves leaves;
  Parameter weight;
  weight.value = leaves.weight;
  CHECK(!has_factored_linear(leaves.input, weight));
  weight.factors = c10::make_intrusive<GradientFactors>();
  CHECK(has_factored_linear(leaves.input, weight));
  CHECK(!has_factored_linear(leaves.input.to(at::kDouble), weight));
  const at::NoGradGuard guard;
  CHECK(!has_factored_linear(leaves.input, weight));
}

}  // namespace
}  // namespace finepune::test
