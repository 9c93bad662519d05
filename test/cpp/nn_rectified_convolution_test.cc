// The rectifier behind a convolution, and its output's place in a concatenation, as parts of the convolution's write.
#include <limits>

#include <ATen/core/grad_mode.h>

#include "check.h"
#include "nn/library_convolution.h"
#include "nn/unit_convolution.h"
#include "nn_support.h"

namespace finepune::test {
namespace {

const OutputFinish kFinite = {/*rectify=*/true, /*finite=*/true};
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

struct Case {
  int64_t images, inputs, outputs, height, width, taps, padding, groups;
};

// Whole panels of sixteen channels, which every kind of products takes: whole tiles and not, eight images and not.
constexpr Case kCases[] = {
    {8, 32, 48, 13, 13, 3, 1, 1}, {3, 48, 16, 9, 11, 5, 2, 1}, {1, 16, 32, 3, 4, 3, 0, 1},
    {11, 64, 32, 9, 6, 3, 2, 2},  {5, 32, 96, 7, 5, 3, 1, 2},  {2, 16, 16, 1, 1, 3, 1, 1},
};

struct Setup {
  UnitConvolution convolution;
  at::Tensor images, weight, bias;

  explicit Setup(const Case& c)
      : convolution{{c.taps, c.taps}, {c.padding, c.padding, c.padding, c.padding}, c.groups},
        images(random_tensor({c.images, c.inputs, c.height, c.width}, 1).contiguous(at::MemoryFormat::ChannelsLast)),
        weight(random_tensor({c.outputs, c.inputs / c.groups, c.taps, c.taps}, 2)),
        bias(random_tensor({c.outputs}, 3)) {
    const at::Tensor kept = random_tensor(weight.sizes(), 5) < 0.2;
    weight = (weight * kept).contiguous(at::MemoryFormat::ChannelsLast);
  }

  at::Tensor expected() const {
    const int64_t padding = convolution.padding.top;
    return at::relu(at::convolution(images.to(at::kDouble), weight.to(at::kDouble), bias.to(at::kDouble), {1, 1},
                                    {padding, padding}, {1, 1}, false, {0, 0}, convolution.groups));
  }
  at::Tensor run(Products products, const cpu::DirectKernels* kernels, const OutputFinish& finish) const {
    return unit_convolution(images, weight, bias, convolution, {products, WeightProducts::library, kernels}, finish);
  }
};

// visit(products, kernels) for all products of all instruction sets.
template <typename Visit>
void for_each_choice(const Visit& visit) {
  int count = 0;
  const cpu::DirectKernels* const* kernels = cpu::direct_kernels(&count);
  for (int i = 0; i < count; ++i) {
    for (const Products products : {Products::library, Products::sparse, Products::winograd}) {
      visit(products, kernels[i]);
    }
  }
}

TEST("rectified convolution: values agree with a double reference, for all products of every instruction set") {
  const at::NoGradGuard guard;
  for (const Case& shape : kCases) {
    const Setup setup(shape);
    const at::Tensor expected = setup.expected();
    for_each_choice([&](Products products, const cpu::DirectKernels* kernels) {
      const at::Tensor result = setup.run(products, kernels, kFinite);
      CHECK(result.is_contiguous(at::MemoryFormat::ChannelsLast));
      CHECK(relative_error(result, expected) < 1e-5);
      const at::Tensor apart = at::relu(setup.run(products, kernels, {}));
      // Without a rectifier of its own libtorch computes one image in another way.
      if (products != Products::library) CHECK(at::equal(result, apart));
      CHECK(relative_error(result, apart) < 1e-6);
    });
  }
}

TEST("rectified convolution: what is written to channels of a wider tensor is the same, and nothing else is touched") {
  const at::NoGradGuard guard;
  for (const Case& shape : kCases) {
    const Setup setup(shape);
    for_each_choice([&](Products products, const cpu::DirectKernels* kernels) {
      if (products == Products::library) return;
      const at::Tensor alone = setup.run(products, kernels, kFinite);
      const int64_t before = 5, channels = alone.size(1);
      const at::Tensor whole = at::full({alone.size(0), channels + 8, alone.size(2), alone.size(3)}, -1.0f)
                                   .contiguous(at::MemoryFormat::ChannelsLast);
      const at::Tensor place = whole.narrow(1, before, channels);
      CHECK(setup.run(products, kernels, {true, true, &place}).is_same(place));
      CHECK(at::equal(place, alone));
      place.fill_(-1);
      CHECK(at::equal(whole, at::full_like(whole, -1)));
    });
  }
}

TEST("rectified convolution: NaN stays NaN where values are not said to be finite, and always with products of ours") {
  const at::NoGradGuard guard;
  const Setup healthy(kCases[0]);
  for_each_choice([&](Products products, const cpu::DirectKernels* kernels) {
    const OutputFinish finish{true, products != Products::library};
    Setup setup = healthy;
    setup.images = setup.images.clone();
    setup.images[2][4][6][6] = kNaN;
    CHECK(setup.run(products, kernels, finish)[2].isnan().any().item<bool>());
    setup = healthy;
    setup.weight = setup.weight.clone();
    setup.weight[7][3][1][1] = kNaN;
    CHECK(setup.run(products, kernels, finish).select(1, 7).isnan().any().item<bool>());
    setup = healthy;
    setup.bias = setup.bias.clone();
    setup.bias[9] = kNaN;
    CHECK(setup.run(products, kernels, finish).select(1, 9).isnan().all().item<bool>());
  });
}

TEST("rectified convolution: with gradients values and gradients are those of a rectifier of its own") {
  const Setup setup(kCases[3]);
  for_each_choice([&](Products products, const cpu::DirectKernels* kernels) {
    const auto gradients = [&](bool fused) {
      Setup leaves = setup;
      for (at::Tensor* leaf : {&leaves.images, &leaves.weight, &leaves.bias}) *leaf = leaf->clone().requires_grad_();
      const at::Tensor output =
          fused ? leaves.run(products, kernels, kFinite) : at::relu(leaves.run(products, kernels, {}));
      output.square().sum().backward();
      return std::array<at::Tensor, 4>{output, leaves.images.grad(), leaves.weight.grad(), leaves.bias.grad()};
    };
    const auto fused = gradients(true), apart = gradients(false);
    for (size_t i = 0; i < fused.size(); ++i) CHECK(at::equal(fused[i], apart[i]));
  });
}

TEST("library convolution: rectified without gradients as with them, for groups, strides, dilations and odd sizes") {
  const struct {
    int64_t images, inputs, outputs, height, width, kernel;
    LibraryConvolution convolution;
  } shapes[] = {
      {3, 3, 20, 15, 14, 3, {{2, 2}, {0, 0}, {1, 1}, 1}}, {2, 12, 18, 9, 7, 3, {{1, 1}, {2, 2}, {2, 2}, 3}},
      {1, 8, 8, 5, 6, 3, {{1, 2}, {1, 1}, {1, 1}, 8}},    {4, 7, 5, 1, 1, 1, {{1, 1}, {0, 0}, {1, 1}, 1}},
      {0, 4, 4, 5, 5, 3, {{1, 1}, {1, 1}, {1, 1}, 1}},
  };
  for (const auto& shape : shapes) {
    const auto& [strides, padding, dilations, groups] = shape.convolution;
    const at::Tensor images = random_tensor({shape.images, shape.inputs, shape.height, shape.width}, 1);
    const at::Tensor weight = random_tensor({shape.outputs, shape.inputs / groups, shape.kernel, shape.kernel}, 2);
    for (const std::optional<at::Tensor>& bias : {std::optional(random_tensor({shape.outputs}, 3)), {}}) {
      const at::Tensor expected =
          at::relu(at::convolution(images.to(at::kDouble), weight.to(at::kDouble),
                                   bias ? std::optional(bias->to(at::kDouble)) : std::nullopt, strides, padding,
                                   dilations, false, {0, 0}, groups));
      for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
        const at::Tensor x = images.contiguous(format), learned = weight.clone().requires_grad_();
        const at::Tensor with = library_convolution(x, learned, bias, shape.convolution, kFinite);
        CHECK(with.requires_grad());
        const at::NoGradGuard guard;
        const at::Tensor without = library_convolution(x, learned, bias, shape.convolution, kFinite);
        CHECK(without.sizes() == expected.sizes() && (without >= 0).all().item<bool>());
        CHECK(relative_error(without, expected) < 1e-6 && relative_error(with.detach(), expected) < 1e-6);
        CHECK(at::equal(without == 0, expected == 0) || expected.numel() == 0);
      }
    }
  }
  const at::Tensor images = random_tensor({2, 3, 5, 5}, 1, at::kDouble);
  const at::Tensor weight = random_tensor({4, 3, 3, 3}, 2, at::kDouble);
  const at::NoGradGuard guard;
  const at::Tensor result = library_convolution(images, weight, std::nullopt, {{1, 1}, {1, 1}, {1, 1}, 1}, kFinite);
  CHECK(result.scalar_type() == at::kDouble);
}

GraphNode layer(const char* name, const char* input, double outputs, double kernel) {
  return {name,
          "Conv",
          {input},
          {{"out_channels", {outputs}},
           {"kernel_shape", {kernel, kernel}},
           {"pads", std::vector<double>(4, (kernel - 1) / 2)}}};
}

// A fire module, whose outputs go into one tensor, and an input of the concatenation that no convolution computes.
Network fire_module() {
  Network network(flattened_graph({16, 10, 9},
                                  {layer("squeeze", "input", 16, 1),
                                   {"squeeze_relu", "Relu", {"squeeze"}, {}},
                                   layer("expand1x1", "squeeze_relu", 32, 1),
                                   {"expand1x1_relu", "Relu", {"expand1x1"}, {}},
                                   layer("expand3x3", "squeeze_relu", 48, 3),
                                   {"expand3x3_relu", "Relu", {"expand3x3"}, {}},
                                   {"sum", "Add", {"squeeze_relu", "squeeze_relu"}, {}},
                                   {"sum_relu", "Relu", {"sum"}, {}},
                                   {"concat", "Concat", {"expand1x1_relu", "expand3x3_relu", "sum_relu"}, {}}},
                                  96 * 90),
                  at::kCPU);
  for (Parameter& parameter : network.parameters()) {
    parameter.value.data().copy_(random_tensor(parameter.value.sizes(), hash_name(parameter.name)));
  }
  return network;
}

TEST("a network gives without gradients what it gives with them, whole and up to any node, dense and sparse") {
  for (const bool sparse : {false, true}) {
    Network network = fire_module();
    for (Parameter& parameter : network.parameters()) {
      if (!sparse || parameter.kind != "weight") continue;
      parameter.value.data().mul_(random_tensor(parameter.value.sizes(), 6) < -0.9);
      parameter.kept = at::count_nonzero(parameter.value).item<int64_t>();
    }
    const at::Tensor x = random_tensor({8, 16, 10, 9}, 8);
    for (const char* node : {"squeeze", "squeeze_relu", "expand1x1", "expand3x3", "expand3x3_relu", "concat"}) {
      const at::Tensor expected = network.value_of(node, x, {}).detach();
      const at::NoGradGuard guard;
      CHECK(relative_error(network.value_of(node, x, {}), expected) < 1e-6);
    }
    const at::Tensor expected = network.forward(x, {}).detach();
    const at::NoGradGuard guard;
    CHECK(relative_error(network.forward(x, {}), expected) < 1e-6);
    CHECK(at::equal(network.forward(x, {}), network.forward(x, {})));
  }
}

TEST("a network in which a weight, a bias or a pixel is NaN does not look like one in which none is") {
  const at::NoGradGuard guard;
  const at::Tensor x = random_tensor({8, 16, 10, 9}, 8);
  for (const char* name : {"squeeze.weight", "squeeze.bias", "expand1x1.weight", "expand3x3.bias"}) {
    Network network = fire_module();
    network.parameter(name).value.view(-1)[0] = kNaN;
    CHECK(network.forward(x, {}).isnan().any().item<bool>());
  }
  at::Tensor broken = x.clone();
  broken[3][2][1][1] = kNaN;
  CHECK(fire_module().forward(broken, {})[3].isnan().any().item<bool>());
}

}  // namespace
}  // namespace finepune::test
