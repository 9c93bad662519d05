#include "nn/library_linear.h"

#include <ATen/core/grad_mode.h>

#include "check.h"
#include "nn_support.h"

namespace finepune::test {

TEST("library linear: values and the gradient by the input agree with a double reference") {
  const at::NoGradGuard guard;
  // Below and above the size from which another library multiplies; one image; odd sizes.
  constexpr int64_t shapes[][3] = {{3, 20, 10}, {32, 1024, 300}, {1, 700, 130}, {17, 333, 257}};
  for (const auto& [images, inputs, outputs] : shapes) {
    const at::Tensor input = random_tensor({images, inputs}, 1), weight = random_tensor({outputs, inputs}, 2);
    const at::Tensor bias = random_tensor({outputs}, 3), gradient = random_tensor({images, outputs}, 4);
    const at::Tensor expected = at::linear(input.to(at::kDouble), weight.to(at::kDouble), bias.to(at::kDouble));
    CHECK(relative_error(library_linear(input, weight, bias), expected) < 1e-6);
    CHECK(relative_error(library_linear(input, weight, std::nullopt) + bias, expected) < 1e-6);
    // Neither operand need be contiguous.
    const at::Tensor turned = input.t().contiguous().t(), apart = weight.t().contiguous().t();
    CHECK(relative_error(library_linear(turned, apart, bias), expected) < 1e-6);
    const at::Tensor by_input = library_linear_input_gradient(gradient, weight);
    CHECK(relative_error(by_input, at::mm(gradient.to(at::kDouble), weight.to(at::kDouble))) < 1e-6);
    CHECK(by_input.is_contiguous());
  }
}

TEST("library linear: gradients are those of at::linear where they are wanted") {
  const at::Tensor input = random_tensor({4, 300}, 1).requires_grad_();
  const at::Tensor weight = random_tensor({250, 300}, 2).requires_grad_();
  library_linear(input, weight, std::nullopt).sum().backward();
  CHECK(relative_error(input.grad(), weight.detach().sum(0).expand({4, 300})) < 1e-5);
  CHECK(relative_error(weight.grad(), input.detach().sum(0).expand({250, 300})) < 1e-5);
}

}  // namespace finepune::test
