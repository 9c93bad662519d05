// First layers with their rectifier and pooling in one pass, and poolings before the concatenation they follow.
#include <limits>

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include "check.h"
#include "nn/pooled_convolution.h"
#include "nn_support.h"

namespace finepune::test {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

struct LayerCase {
  int64_t images, inputs, outputs, height, width, kernel_height, kernel_width, stride;
  // Of the pooling: windows of three, steps of two.
  int64_t pool_padding;
  bool ceil_mode;
};

// One band of rows and several, patches of one to four panels, windows that leave the image.
constexpr LayerCase kCases[] = {
    {2, 3, 64, 224, 224, 3, 3, 2, 0, true}, {3, 1, 16, 9, 12, 2, 3, 1, 1, false}, {1, 3, 32, 40, 25, 4, 4, 3, 0, false},
    {2, 4, 48, 131, 90, 3, 5, 1, 1, true},  {1, 7, 16, 3, 3, 1, 1, 1, 0, false},
};

struct Setup {
  at::Tensor images, weight, bias;
  PoolWindows pool;
  PooledConvolution convolution;

  explicit Setup(const LayerCase& c)
      : images(random_tensor({c.images, c.inputs, c.height, c.width}, 1).contiguous(at::MemoryFormat::ChannelsLast)),
        weight(random_tensor({c.outputs, c.inputs, c.kernel_height, c.kernel_width}, 2)),
        bias(random_tensor({c.outputs}, 3)),
        pool(windows(c)),
        convolution{{c.kernel_height, c.kernel_width}, {c.stride, c.stride}, pool} {}

  static PoolWindows windows(const LayerCase& c) {
    const auto padding = static_cast<double>(c.pool_padding);
    const GraphNode node{"pool",
                         "MaxPool",
                         {"relu"},
                         {{"kernel_shape", {3, 3}},
                          {"strides", {2, 2}},
                          {"pads", {padding, padding, padding, padding}},
                          {"ceil_mode", {c.ceil_mode ? 1.0 : 0.0}}}};
    return read_pool_windows(
        node, {c.outputs, (c.height - c.kernel_height) / c.stride + 1, (c.width - c.kernel_width) / c.stride + 1});
  }

  at::Tensor expected(const at::Tensor& weights, const std::optional<at::Tensor>& biases) const {
    const at::Tensor sums = at::convolution(images.to(weights.scalar_type()), weights, biases, convolution.strides,
                                            {0, 0}, {1, 1}, false, {0, 0}, 1);
    const auto& [top, left, bottom, right] = pool.padding;
    return at::max_pool2d(at::relu(sums), pool.kernel, pool.strides, {top, left}, 1, pool.ceil_mode);
  }
};

at::Tensor wide(const at::Tensor& tensor) { return tensor.to(at::kDouble).requires_grad_(true); }

}  // namespace

TEST("a pooled convolution and its gradients are those of its three nodes in float64") {
  for (const LayerCase& c : kCases) {
    const Setup setup(c);
    const at::Tensor weight = setup.weight.clone().requires_grad_(true), bias = setup.bias.clone().requires_grad_(true);
    const at::Tensor wide_weight = wide(setup.weight), wide_bias = wide(setup.bias);
    const at::Tensor output = pooled_convolution(setup.images, weight, bias, setup.convolution);
    const at::Tensor expected = setup.expected(wide_weight, wide_bias);
    CHECK(output.sizes() == expected.sizes() && relative_error(output.detach(), expected.detach()) < 1e-6);
    const at::Tensor gradient = random_tensor(expected.sizes(), 7);
    output.backward(gradient);
    expected.backward(gradient.to(at::kDouble));
    CHECK(relative_error(weight.grad(), wide_weight.grad()) < 1e-5);
    CHECK(relative_error(bias.grad(), wide_bias.grad()) < 1e-5);
    const at::NoGradGuard guard;
    CHECK(at::equal(pooled_convolution(setup.images, weight, bias, setup.convolution), output));
  }
}

TEST("a pooled convolution without a bias, and one of which only the bias learns") {
  const Setup setup(kCases[3]);
  const at::Tensor weight = setup.weight.clone().requires_grad_(true), wide_weight = wide(setup.weight);
  const at::Tensor plain = pooled_convolution(setup.images, weight, std::nullopt, setup.convolution);
  const at::Tensor expected = setup.expected(wide_weight, std::nullopt);
  CHECK(relative_error(plain.detach(), expected.detach()) < 1e-6);
  plain.sum().backward();
  expected.sum().backward();
  CHECK(relative_error(weight.grad(), wide_weight.grad()) < 1e-5);
  const at::Tensor bias = setup.bias.clone().requires_grad_(true), wide_bias = wide(setup.bias);
  pooled_convolution(setup.images, setup.weight, bias, setup.convolution).sum().backward();
  setup.expected(setup.weight.to(at::kDouble), wide_bias).sum().backward();
  CHECK(relative_error(bias.grad(), wide_bias.grad()) < 1e-5);
}

TEST("a pooled convolution gives the same bits with any number of threads") {
  const int threads = at::get_num_threads();
  Setup setup(kCases[0]);
  at::Tensor values, gradients;
  for (const int number : {1, 2, 3}) {
    at::set_num_threads(number);
    const at::Tensor weight = setup.weight.clone().requires_grad_(true);
    const at::Tensor output = pooled_convolution(setup.images, weight, setup.bias, setup.convolution);
    output.square().sum().backward();
    CHECK(!values.defined() || (at::equal(output.detach(), values) && at::equal(weight.grad(), gradients)));
    values = output.detach();
    gradients = weight.grad();
  }
  at::set_num_threads(threads);
}

TEST("a pooled convolution lets a NaN through") {
  Setup setup(kCases[1]);
  setup.weight[5][0][0][0] = kNaN;
  const at::Tensor output = pooled_convolution(setup.images, setup.weight, setup.bias, setup.convolution);
  CHECK(at::isnan(output.select(1, 5)).all().item<bool>());
  CHECK(at::isnan(output).sum().item<int64_t>() == output.select(1, 5).numel());
}

TEST("large patches, odd numbers of channels and windows beyond a byte are not pooled with their convolution") {
  const Setup setup(kCases[0]);
  const auto has = [&](int64_t inputs, int64_t outputs) {
    return has_pooled_convolution(setup.convolution, inputs, outputs);
  };
  CHECK(!has(8, 64) && !has(3, 20));
  PoolWindows huge = setup.pool;
  huge.kernel = {16, 16};
  CHECK(!has_pooled_convolution({{3, 3}, {2, 2}, huge}, 3, 64));
}

namespace {

// Two convolutions, rectified and joined, and what follows.
Graph joined_graph(std::vector<GraphNode> behind, int64_t classes) {
  std::vector<GraphNode> nodes = {
      {"a", "Conv", {"input"}, {{"out_channels", {16}}, {"kernel_shape", {1, 1}}}},
      {"a_relu", "Relu", {"a"}, {}},
      {"b", "Conv", {"input"}, {{"out_channels", {32}}, {"kernel_shape", {3, 3}}, {"pads", {1, 1, 1, 1}}}},
      {"b_relu", "Relu", {"b"}, {}},
      {"join", "Concat", {"a_relu", "b_relu"}, {{"axis", {1}}}},
  };
  nodes.insert(nodes.end(), behind.begin(), behind.end());
  return flattened_graph({16, 11, 9}, std::move(nodes), classes);
}

const GraphNode kPoolNode{"pool", "MaxPool", {"join"}, {{"kernel_shape", {3, 3}}, {"strides", {2, 2}}}};

// In float64, of the parameters in order.
at::Tensor joined(const at::Tensor& images, const std::vector<at::Tensor>& parameters) {
  const at::Tensor a = at::conv2d(images.to(at::kDouble), parameters[0], parameters[1]);
  const at::Tensor b = at::conv2d(images.to(at::kDouble), parameters[2], parameters[3], 1, 1);
  return at::relu(at::cat({a, b}, 1));
}

std::vector<at::Tensor> fill(Network& network) {
  const at::NoGradGuard guard;
  std::vector<at::Tensor> wides;
  uint64_t seed = 20;
  for (Parameter& parameter : network.parameters()) {
    parameter.value.copy_(random_tensor(parameter.value.sizes(), seed++));
    wides.push_back(wide(parameter.value.detach()));
  }
  return wides;
}

}  // namespace

TEST("a pooling behind a concatenation of rectified values pools its parts, values and gradients as in float64") {
  Network network(joined_graph({kPoolNode}, 48 * 5 * 4), at::kCPU);
  const std::vector<at::Tensor> parameters = fill(network);
  const at::Tensor images = random_tensor({3, 16, 11, 9}, 6);
  const at::Tensor expected = at::max_pool2d(joined(images, parameters), 3, 2).flatten(1);
  const at::Tensor output = network.forward(images, {});
  CHECK(relative_error(output.detach(), expected.detach()) < 1e-5);
  output.square().sum().backward();
  expected.square().sum().backward();
  for (size_t i = 0; i < parameters.size(); ++i) {
    CHECK(relative_error(network.parameters()[i].value.grad(), parameters[i].grad()) < 1e-4);
  }
  const at::NoGradGuard guard;
  CHECK(relative_error(network.forward(images, {}), expected.detach()) < 1e-5);
  CHECK(relative_error(network.value_of("join", images, {}), joined(images, parameters).detach()) < 1e-5);
  CHECK(relative_error(network.value_of("a_relu", images, {}), joined(images, parameters).detach().narrow(1, 0, 16)) < 1e-5);
}

TEST("a concatenation that others read too is joined whole, and then pooled") {
  const GraphNode shrunk{"small", "MaxPool", {"join"}, {{"kernel_shape", {5, 3}}, {"strides", {2, 2}}, {"pads", {1, 0, 1, 0}}}};
  Network network(joined_graph({kPoolNode, shrunk, {"sum", "Add", {"pool", "small"}, {}}}, 48 * 5 * 4), at::kCPU);
  const std::vector<at::Tensor> parameters = fill(network);
  const at::Tensor images = random_tensor({2, 16, 11, 9}, 6);
  const at::Tensor whole = joined(images, parameters);
  const at::Tensor expected =
      (at::max_pool2d(whole, 3, 2) + at::max_pool2d(whole, {5, 3}, 2, {1, 0})).flatten(1);
  const at::Tensor output = network.forward(images, {});
  CHECK(relative_error(output.detach(), expected.detach()) < 1e-5);
  output.square().sum().backward();
  expected.square().sum().backward();
  CHECK(relative_error(network.parameters()[2].value.grad(), parameters[2].grad()) < 1e-4);
}

TEST("a pooling takes over a rectifier behind whatever it stands, values and gradients as in float64") {
  std::vector<GraphNode> nodes = {
      {"conv", "Conv", {"input"}, {{"out_channels", {16}}, {"kernel_shape", {1, 1}}}},
      {"sum", "Add", {"conv", "input"}, {}},
      {"relu", "Relu", {"sum"}, {}},
      {"pool", "MaxPool", {"relu"}, {{"kernel_shape", {2, 2}}, {"strides", {2, 2}}}},
  };
  Network network(flattened_graph({16, 8, 6}, std::move(nodes), 16 * 4 * 3), at::kCPU);
  const std::vector<at::Tensor> parameters = fill(network);
  const at::Tensor images = random_tensor({2, 16, 8, 6}, 6), exact = images.to(at::kDouble);
  const at::Tensor sums = at::conv2d(exact, parameters[0], parameters[1]) + exact;
  const at::Tensor expected = at::max_pool2d(at::relu(sums), 2, 2).flatten(1);
  const at::Tensor output = network.forward(images, {});
  CHECK(relative_error(output.detach(), expected.detach()) < 1e-5);
  output.square().sum().backward();
  expected.square().sum().backward();
  CHECK(relative_error(network.parameters()[0].value.grad(), parameters[0].grad()) < 1e-4);
  const at::NoGradGuard guard;
  CHECK(relative_error(network.value_of("relu", images, {}), at::relu(sums).detach()) < 1e-5);
}

}  // namespace finepune::test
