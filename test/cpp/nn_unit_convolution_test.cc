#include "nn/unit_convolution.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include "check.h"
#include "nn_support.h"

namespace finepune::test {
namespace {

struct Case {
  int64_t images, inputs, outputs, height, width, kernel_height, kernel_width, top, left, groups;
};

const UnitChoice kPlanes = {Products::sparse, WeightProducts::planes};
const UnitChoice kWinograd = {Products::winograd, WeightProducts::winograd};

constexpr Case kCases[] = {
    // Whole pixels and quads of channels; then neither.
    {16, 32, 32, 13, 13, 3, 3, 1, 1, 1}, {11, 21, 19, 9, 7, 3, 3, 1, 1, 1},  {5, 16, 30, 8, 11, 5, 5, 2, 2, 1},
    {9, 24, 36, 7, 7, 1, 1, 0, 0, 1},    {8, 32, 48, 10, 9, 3, 5, 0, 4, 2},  {6, 17, 150, 1, 1, 1, 1, 0, 0, 1},
    {7, 12, 18, 6, 5, 3, 3, 2, 2, 3},    {3, 200, 33, 14, 4, 1, 3, 0, 1, 1}, {10, 8, 260, 31, 30, 3, 3, 1, 1, 1},
};

struct Setup {
  UnitConvolution convolution;
  at::Tensor images, weight, bias, gradient;

  Setup(const Case& c, double density)
      : convolution{{c.kernel_height, c.kernel_width}, {c.top, c.left, c.top, c.left}, c.groups},
        images(random_tensor({c.images, c.inputs, c.height, c.width}, 1).contiguous(at::MemoryFormat::ChannelsLast)),
        weight(random_tensor({c.outputs, c.inputs / c.groups, c.kernel_height, c.kernel_width}, 2)),
        bias(random_tensor({c.outputs}, 3)),
        gradient(random_tensor({c.images, c.outputs, c.height + 2 * c.top - c.kernel_height + 1,
                                c.width + 2 * c.left - c.kernel_width + 1},
                               4)) {
    const at::Tensor kept = random_tensor(weight.sizes(), 5) < 2 * density - 1;
    weight = (weight * kept).contiguous(at::MemoryFormat::ChannelsLast);
  }

  struct Result {
    at::Tensor output, by_images, by_weight, by_bias;
  };

  template <typename Convolve>
  Result run(at::ScalarType type, const Convolve& convolve) const {
    const auto leaf = [type](const at::Tensor& values) { return values.to(type, false, true).requires_grad_(); };
    const at::Tensor x = leaf(images), w = leaf(weight), b = leaf(bias);
    const at::Tensor output = convolve(x, w, b);
    output.backward(gradient.to(type));
    return {output.detach(), x.grad(), w.grad(), b.grad()};
  }

  Result expected() const {
    return run(at::kDouble, [this](const at::Tensor& x, const at::Tensor& w, const at::Tensor& b) {
      const Padding& padding = convolution.padding;
      return at::convolution(x, w, b, {1, 1}, {padding.top, padding.left}, {1, 1}, false, {0, 0}, convolution.groups);
    });
  }

  Result chosen(const UnitChoice& choice) const {
    return run(at::kFloat, [&](const at::Tensor& x, const at::Tensor& w, const at::Tensor& b) {
      return unit_convolution(x, w, b, convolution, choice);
    });
  }
};

TEST("unit convolution: values and all gradients agree with a double reference, on every instruction set") {
  int count = 0;
  const cpu::DirectKernels* const* kernels = cpu::direct_kernels(&count);
  for (const Case& shape : kCases) {
    for (const double density : {0.0, 0.05, 0.4, 1.0}) {
      const Setup setup(shape, density);
      const Setup::Result expected = setup.expected();
      for (int i = 0; i < 2 * count; ++i) {
        // Each of the two alone, and both.
        const bool planes = density < 1 || i % 2 == 1;
        const Setup::Result result =
            setup.chosen({i % 2 == 0 ? Products::sparse : Products::library,
                          planes ? WeightProducts::planes : WeightProducts::library, kernels[i / 2]});
        CHECK(result.output.is_contiguous(at::MemoryFormat::ChannelsLast));
        CHECK(relative_error(result.output, expected.output) < 1e-6);
        CHECK((result.by_images.to(at::kDouble) - expected.by_images).norm().item<double>() <=
              1e-6 * expected.by_images.norm().item<double>());
        CHECK(relative_error(result.by_weight, expected.by_weight) < 1e-5);
        CHECK(relative_error(result.by_bias, expected.by_bias) < 1e-5);
      }
    }
  }
}

// Whole tiles and not; rows, columns and images of one tile; more tiles than are computed together; groups; no padding,
// and all there can be.
constexpr Case kWinogradCases[] = {
    {4, 32, 48, 13, 13, 3, 3, 1, 1, 1}, {3, 48, 16, 27, 29, 5, 5, 2, 2, 1}, {1, 16, 32, 3, 4, 3, 3, 0, 0, 1},
    {2, 64, 32, 9, 6, 3, 3, 2, 2, 2},   {5, 32, 32, 8, 11, 5, 5, 4, 4, 1},  {3, 16, 16, 7, 7, 5, 5, 0, 0, 1},
    {2, 16, 16, 1, 1, 3, 3, 1, 1, 1},   {64, 64, 16, 40, 37, 3, 3, 1, 1, 1}, {2, 96, 64, 14, 13, 5, 5, 2, 2, 2},
};

TEST("minimal filtering: values and all gradients agree with a double reference, on every instruction set") {
  int count = 0;
  const cpu::DirectKernels* const* kernels = cpu::direct_kernels(&count);
  for (const Case& shape : kWinogradCases) {
    const double most = shape.kernel_height == 3 ? 4e-6 : 1e-5;
    const Setup setup(shape, 0.7);
    const Setup::Result expected = setup.expected();
    for (int i = 0; i < count; ++i) {
      const Setup::Result result = setup.chosen({Products::winograd, WeightProducts::winograd, kernels[i]});
      CHECK(result.output.is_contiguous(at::MemoryFormat::ChannelsLast));
      CHECK(relative_error(result.output, expected.output) < most);
      CHECK(relative_error(result.by_images, expected.by_images) < most);
      // A sum over up to 94,720 pixels.
      CHECK(relative_error(result.by_weight, expected.by_weight) < 3e-5);
      CHECK(relative_error(result.by_bias, expected.by_bias) < 1e-5);
    }
  }
}

TEST("unit convolution: without autograd, without a bias, and from NCHW memory the values are the same") {
  const Setup setup(kCases[1], 0.3);
  const at::Tensor expected = setup.expected().output;
  const at::NoGradGuard guard;
  const at::Tensor with = unit_convolution(setup.images, setup.weight, setup.bias, setup.convolution, kPlanes);
  const at::Tensor without = unit_convolution(setup.images.contiguous(), setup.weight.contiguous(), std::nullopt,
                                              setup.convolution, kPlanes);
  CHECK(relative_error(without + setup.bias.view({1, -1, 1, 1}), with) < 1e-6);
  CHECK(relative_error(with, expected) < 1e-6);
}

TEST("unit convolution: the number of threads changes no bit, and neither does a second run") {
  const int threads = at::get_num_threads();
  for (const UnitChoice& choice : {kPlanes, kWinograd}) {
    const Setup setup(kCases[0], 0.3);
    at::set_num_threads(threads);
    const Setup::Result first = setup.chosen(choice);
    for (const int other : {1, 2, 3, threads}) {
      at::set_num_threads(other);
      const Setup::Result again = setup.chosen(choice);
      CHECK(at::equal(again.output, first.output));
      CHECK(at::equal(again.by_images, first.by_images));
      CHECK(at::equal(again.by_weight, first.by_weight));
    }
  }
  at::set_num_threads(threads);
}

TEST("unit convolution: a frozen weight gets no gradient, nor does an input that asks for none") {
  const Setup setup(kCases[1], 0.3);
  at::Tensor images = setup.images.detach().clone().requires_grad_();
  const at::Tensor weight = setup.weight.detach().clone(), bias = setup.bias.detach().clone();
  unit_convolution(images, weight, bias, setup.convolution, kPlanes).backward(setup.gradient);
  CHECK(images.grad().defined() && !weight.grad().defined() && !bias.grad().defined());
  at::Tensor learning = setup.weight.detach().clone().requires_grad_();
  unit_convolution(setup.images, learning, std::nullopt, setup.convolution, kPlanes).backward(setup.gradient);
  CHECK(learning.grad().defined());
}

TEST("unit convolution: chosen by shape, density and dtype alone") {
  const Setup setup({8, 64, 128, 28, 28, 3, 3, 1, 1, 1}, 0.3);
  int count = 0;
  const bool vectors = cpu::direct_kernels(&count)[count - 1]->lanes >= 8;
  const auto chosen = [&](const at::Tensor& images, double density) {
    return choose_products(setup.convolution, images, setup.weight, density);
  };
  CHECK((chosen(setup.images, 0.05).products == Products::sparse) == vectors);
  CHECK((chosen(setup.images, 0.9).products == Products::winograd) == vectors);
  CHECK((chosen(setup.images, 0.9).weight_products == WeightProducts::winograd) == vectors);
  const Setup narrow({8, 24, 128, 28, 28, 3, 3, 1, 1, 1}, 0.3);
  CHECK(choose_products(narrow.convolution, narrow.images, narrow.weight, 0.9).products == Products::library);
  CHECK(chosen(setup.images.to(at::kDouble), 0.2).is_librarys());
  CHECK(chosen(setup.images.narrow(0, 0, 2), 0.05).products != Products::sparse);
  CHECK(chosen(at::empty({8, 64, 300, 300}), 0.05).products != Products::sparse);
  UnitConvolution wide = setup.convolution;
  wide.padding = {3, 3, 3, 3};
  CHECK(choose_products(wide, setup.images, setup.weight, 0.2).is_librarys());
}

TEST("unit convolution: a plane of more pixels than offsets count is refused, not computed wrongly") {
  const UnitConvolution convolution{{3, 3}, {1, 1, 1, 1}};
  CHECK_THROWS(std::logic_error, "more pixels",
               unit_convolution(at::zeros({8, 4, 300, 300}), at::ones({4, 4, 3, 3}), std::nullopt, convolution, kPlanes));
}

TEST("a Conv layer of few kept weights gives the logits and gradients that the dense one gives") {
  const auto build = [] {
    Attributes attributes = {{"out_channels", {24}}, {"kernel_shape", {3, 3}}, {"pads", {1, 1, 1, 1}}};
    Network network(flattened_graph({16, 8, 8}, {{"conv", "Conv", {"input"}, attributes}}, 24 * 64), at::kCPU);
    for (Parameter& parameter : network.parameters()) {
      parameter.value.data().copy_(random_tensor(parameter.value.sizes(), hash_name(parameter.name)));
    }
    at::Tensor& weight = network.parameter("conv.weight").value;
    weight.data().mul_(random_tensor(weight.sizes(), 6) < -0.6);
    return network;
  };
  Network dense = build(), sparse = build();
  sparse.parameter("conv.weight").kept = at::count_nonzero(sparse.parameter("conv.weight").value).item<int64_t>();
  const at::Tensor x = random_tensor({8, 16, 8, 8}, 8);
  const at::Tensor expected = dense.forward(x, {}), result = sparse.forward(x, {});
  CHECK(relative_error(result, expected) < 1e-6);
  expected.square().sum().backward();
  result.square().sum().backward();
  for (const char* name : {"conv.weight", "conv.bias"}) {
    CHECK(relative_error(sparse.parameter(name).value.grad(), dense.parameter(name).value.grad()) < 1e-5);
  }
}

}  // namespace
}  // namespace finepune::test
