#include "nn/sparse_linear.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include "check.h"
#include "nn_support.h"

namespace finepune::test {
namespace {

struct Setup {
  at::Tensor input, weight, bias, gradient;

  Setup(int64_t images, int64_t inputs, int64_t outputs, double density)
      : input(random_tensor({images, inputs}, 1)),
        weight(random_tensor({outputs, inputs}, 2)),
        bias(random_tensor({outputs}, 3)),
        gradient(random_tensor({images, outputs}, 4)) {
    weight = weight * (random_tensor(weight.sizes(), 5) < 2 * density - 1);
  }

  struct Result {
    at::Tensor output, by_input, by_weight, by_bias;
  };

  template <typename Multiply>
  Result run(at::ScalarType type, const Multiply& multiply) const {
    const auto leaf = [type](const at::Tensor& values) { return values.to(type, false, true).requires_grad_(); };
    const at::Tensor x = leaf(input), w = leaf(weight), b = leaf(bias);
    const at::Tensor output = multiply(x, w, b);
    output.backward(gradient.to(type));
    return {output.detach(), x.grad(), w.grad(), b.grad()};
  }

  Result expected() const {
    return run(at::kDouble,
               [](const at::Tensor& x, const at::Tensor& w, const at::Tensor& b) { return at::linear(x, w, b); });
  }
  Result sparse(const cpu::DirectKernels* kernels) const {
    return run(at::kFloat, [&](const at::Tensor& x, const at::Tensor& w, const at::Tensor& b) {
      return sparse_linear(x, w, b, nullptr, kernels);
    });
  }
};

TEST("sparse linear: values and all gradients agree with a double reference, on every instruction set") {
  constexpr int64_t shapes[][3] = {{32, 2500, 130}, {17, 1024, 64}, {100, 33, 7}, {1, 1, 1}, {24, 816, 48}, {256, 1500, 10}};
  int count = 0;
  const cpu::DirectKernels* const* kernels = cpu::direct_kernels(&count);
  for (const auto& [images, inputs, outputs] : shapes) {
    for (const double density : {0.0, 0.04, 0.3, 1.0}) {
      const Setup setup(images, inputs, outputs, density);
      const Setup::Result expected = setup.expected();
      for (int i = 0; i < count; ++i) {
        const Setup::Result result = setup.sparse(kernels[i]);
        CHECK(result.output.is_contiguous() && result.by_input.is_contiguous());
        CHECK(relative_error(result.output, expected.output) < 1e-6);
        CHECK((result.by_input.to(at::kDouble) - expected.by_input).norm().item<double>() <=
              1e-6 * expected.by_input.norm().item<double>());
        CHECK(relative_error(result.by_weight, expected.by_weight) < 1e-5);
        CHECK(relative_error(result.by_bias, expected.by_bias) < 1e-5);
      }
    }
  }
}

TEST("sparse linear: the number of threads changes no bit, and autograd changes no value") {
  const Setup setup(20, 3000, 70, 0.1);
  const int threads = at::get_num_threads();
  const Setup::Result first = setup.sparse(nullptr);
  for (const int other : {1, 2, 3, threads}) {
    at::set_num_threads(other);
    const Setup::Result again = setup.sparse(nullptr);
    CHECK(at::equal(again.output, first.output));
    CHECK(at::equal(again.by_input, first.by_input));
  }
  at::set_num_threads(threads);
  const at::NoGradGuard guard;
  CHECK(at::equal(sparse_linear(setup.input, setup.weight, setup.bias), first.output));
  CHECK(relative_error(sparse_linear(setup.input, setup.weight, std::nullopt) + setup.bias, first.output) < 1e-6);
}

TEST("sparse linear: chosen by shape, density and dtype alone; a frozen weight gets no gradient") {
  const Setup setup(32, 300, 40, 0.1);
  int count = 0;
  const bool vectors = cpu::direct_kernels(&count)[count - 1]->lanes >= 8;
  CHECK(is_sparse_linear_faster(setup.input, setup.weight, 0.1) == vectors);
  CHECK(!is_sparse_linear_faster(setup.input, setup.weight, 0.5));
  CHECK(!is_sparse_linear_faster(setup.input.narrow(0, 0, 4), setup.weight, 0.1));
  CHECK(!is_sparse_linear_faster(setup.input.to(at::kDouble), setup.weight, 0.1));
  at::Tensor input = setup.input.detach().clone().requires_grad_();
  sparse_linear(input, setup.weight, std::nullopt).backward(setup.gradient);
  CHECK(input.grad().defined() && !setup.weight.grad().defined());
}

}  // namespace
}  // namespace finepune::test
