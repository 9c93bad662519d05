#include <ATen/Parallel.h>

#include "check.h"
#include "nn/initialize.h"
#include "nn_support.h"

namespace finepune::test {
namespace {

Attributes convolution(double out_channels, double kernel, double stride, double dilation, double group,
                       std::vector<double> pads) {
  return {{"out_channels", {out_channels}},
          {"kernel_shape", {kernel, kernel}},
          {"strides", {stride, stride}},
          {"dilations", {dilation, dilation}},
          {"group", {group}},
          {"pads", std::move(pads)}};
}

TEST("Conv agrees with a double reference for groups, dilations, strides and asymmetric padding") {
  struct {
    double kernel, stride, dilation, group;
    std::vector<double> pads;
    int64_t height, width;
  } const shapes[] = {{3, 1, 1, 1, {1, 1, 1, 1}, 9, 8},
                      {3, 2, 1, 2, {0, 1, 1, 0}, 4, 4},
                      {2, 1, 2, 4, {2, 0, 1, 3}, 10, 9},
                      {1, 2, 1, 1, {0, 0, 0, 0}, 5, 4}};
  for (const auto& shape : shapes) {
    Network network(
        flattened_graph({4, 9, 8},
                        {{"conv",
                          "Conv",
                          {"input"},
                          convolution(8, shape.kernel, shape.stride, shape.dilation, shape.group, shape.pads)}},
                        8 * shape.height * shape.width),
        at::kCPU);
    for (Parameter& parameter : network.parameters()) {
      parameter.value.data().copy_(random_tensor(parameter.value.sizes(), hash_name(parameter.name)));
    }
    const auto x = random_tensor({2, 4, 9, 8}, 9);
    const auto padded = at::constant_pad_nd(
        x.to(at::kDouble),
        {int64_t(shape.pads[1]), int64_t(shape.pads[3]), int64_t(shape.pads[0]), int64_t(shape.pads[2])}, 0);
    const auto expected = at::convolution(
        padded, network.parameter("conv.weight").value.to(at::kDouble),
        network.parameter("conv.bias").value.to(at::kDouble), {int64_t(shape.stride), int64_t(shape.stride)}, {0, 0},
        {int64_t(shape.dilation), int64_t(shape.dilation)}, false, {0, 0}, int64_t(shape.group));
    CHECK(relative_error(network.forward(x, {}), expected.flatten(1)) < 1e-6);
  }
}

TEST("a convolution's weight has its input channels side by side in memory, as the products read it") {
  Network network(
      flattened_graph({4, 3, 3}, {{"conv", "Conv", {"input"}, convolution(2, 3, 1, 1, 1, {1, 1, 1, 1})}}, 18), at::kCPU);
  const at::Tensor& weight = network.parameter("conv.weight").value;
  CHECK(weight.is_contiguous(at::MemoryFormat::ChannelsLast) && !weight.is_contiguous());
}

TEST("Flatten counts features in NCHW order whatever the memory format") {
  Network network(flattened_graph({2, 3, 4}, {{"relu", "Relu", {"input"}, {}}}, 24), at::kCPU);
  const auto x = at::arange(48, at::TensorOptions().dtype(at::kFloat)).view({2, 2, 3, 4});
  CHECK(at::equal(network.forward(x, {}), x.view({2, 24})));
  CHECK(at::equal(network.forward(x.contiguous(at::MemoryFormat::ChannelsLast), {}), x.view({2, 24})));
}

TEST("Relu never overwrites a value that somebody else reads, the caller's input included") {
  const Attributes one = convolution(2, 1, 1, 1, 1, {0, 0, 0, 0});
  Network network(flattened_graph({2, 3, 3},
                                  {{"conv", "Conv", {"input"}, one},
                                   {"relu", "Relu", {"conv"}, {}},
                                   {"sum", "Add", {"conv", "relu"}, {}},
                                   {"drop", "Dropout", {"sum"}, {}},
                                   {"relu2", "Relu", {"drop"}, {}}},
                                  18),
                  at::kCPU);
  auto& weight = network.parameter("conv.weight").value;
  weight.data().copy_(random_tensor(weight.sizes(), 3));
  const auto x = random_tensor({2, 2, 3, 3}, 4);
  const auto before = x.clone();
  const auto y = at::conv2d(x, weight);
  CHECK(relative_error(network.forward(x, {}).detach(), at::relu(y + at::relu(y)).flatten(1)) < 1e-6);
  CHECK(at::equal(x, before));
  Network bare(flattened_graph({2, 3, 3}, {{"relu", "Relu", {"input"}, {}}}, 18), at::kCPU);
  bare.forward(x.contiguous(at::MemoryFormat::ChannelsLast), {});
  CHECK(at::equal(x, before));
}

TEST("BatchNormalization in train mode uses batch statistics and moves the running ones with the unbiased variance") {
  Network network(
      flattened_graph({3, 4, 4}, {{"bn", "BatchNormalization", {"input"}, {{"epsilon", {1e-3}}, {"momentum", {0.8}}}}},
                      48),
      at::kCPU);
  const auto x = random_tensor({5, 3, 4, 4}, 10) * 2 + 1;
  const auto d = x.to(at::kDouble);
  const auto mean = d.mean({0, 2, 3}), biased = d.var({0, 2, 3}, false), unbiased = d.var({0, 2, 3}, true);
  const auto expected = (d - mean.view({1, 3, 1, 1})) / (biased.view({1, 3, 1, 1}) + 1e-3).sqrt();
  Network::Mode still;
  still.train = true;
  still.update_statistics = false;
  CHECK(relative_error(network.forward(x, still).detach(), expected.flatten(1)) < 1e-6);
  CHECK(at::equal(network.parameter("bn.running_var").value, at::ones({3})));
  Network::Mode train;
  train.train = true;
  CHECK(relative_error(network.forward(x, train).detach(), expected.flatten(1)) < 1e-6);
  CHECK(relative_error(network.parameter("bn.running_mean").value, 0.2 * mean) < 1e-6);
  CHECK(relative_error(network.parameter("bn.running_var").value, 0.8 + 0.2 * unbiased) < 1e-6);
}

TEST("collect_statistics leaves the plain mean over the batches, and begin_statistics starts anew") {
  Network network(flattened_graph({2, 3, 3}, {{"bn", "BatchNormalization", {"input"}, {}}}, 18), at::kCPU);
  Network::Mode collect;
  collect.collect_statistics = true;
  for (const uint64_t round : {100, 200}) {
    network.begin_statistics();
    auto mean = at::zeros({2}, at::kDouble), variance = at::zeros({2}, at::kDouble);
    for (uint64_t batch = 0; batch < 3; ++batch) {
      const auto x = random_tensor({4, 2, 3, 3}, round + batch) + double(batch);
      mean += x.to(at::kDouble).mean({0, 2, 3}) / 3;
      variance += x.to(at::kDouble).var({0, 2, 3}, true) / 3;
      network.forward(x, collect);
    }
    CHECK(relative_error(network.parameter("bn.running_mean").value, mean) < 1e-6);
    CHECK(relative_error(network.parameter("bn.running_var").value, variance) < 1e-6);
  }
}

TEST("BatchNormalization refuses to train on one value a channel") {
  Network network(flattened_graph({2, 1, 1}, {{"bn", "BatchNormalization", {"input"}, {}}}, 2), at::kCPU);
  Network::Mode train;
  train.train = true;
  CHECK_THROWS(std::invalid_argument, "node bn", network.forward(at::ones({1, 2, 1, 1}), train));
}

TEST("Dropout draws the same mask for the same seed, on any thread count, another for another seed or node") {
  const Attributes ratio = {{"ratio", {0.3}}};
  Network network(flattened_graph({8, 40, 41}, {{"drop", "Dropout", {"input"}, ratio}}, 8 * 40 * 41), at::kCPU);
  Network later(flattened_graph({8, 40, 41}, {{"relu", "Relu", {"input"}, {}}, {"drop", "Dropout", {"relu"}, ratio}},
                                8 * 40 * 41),
                at::kCPU);
  const auto x = at::ones({3, 8, 40, 41});
  Network::Mode mode;
  mode.dropout = true;
  mode.dropout_seed = 17;
  const auto first = network.forward(x, mode);
  at::set_num_threads(1);
  CHECK(at::equal(first, network.forward(x, mode)));
  at::set_num_threads(2);
  CHECK(!at::equal(first, later.forward(x, mode)));
  const auto kept = first != 0;
  CHECK_NEAR(kept.to(at::kDouble).mean().item<double>(), 0.7, 0.01);
  CHECK_NEAR(first.max().item<double>(), 1 / 0.7, 1e-6);
  CHECK(at::equal(kept, first > 1.4));
  mode.dropout_seed = 18;
  const auto other = network.forward(x, mode) != 0;
  CHECK_NEAR((kept & other).to(at::kDouble).mean().item<double>(), 0.49, 0.01);
  mode.dropout = false;
  CHECK(at::equal(network.forward(x, mode), x.view({3, -1})));
}

TEST("Dropout's gradient is its mask") {
  Network network(flattened_graph({2, 5, 5}, {{"drop", "Dropout", {"input"}, {{"ratio", {0.5}}}}}, 50), at::kCPU);
  Network::Mode mode;
  mode.dropout = true;
  auto x = at::ones({4, 2, 5, 5}).requires_grad_(true);
  const auto y = network.forward(x, mode);
  y.sum().backward();
  CHECK(at::equal(x.grad().reshape({4, 50}), y.detach()));
}

TEST("Softmax, Clip and Concat are ONNX's") {
  Network network(flattened_graph({2, 2, 2},
                                  {{"clip", "Clip", {"input"}, {{"min", {-0.25}}, {"max", {0.5}}}},
                                   {"join", "Concat", {"input", "clip"}, {{"axis", {1}}}}},
                                  16),
                  at::kCPU);
  const auto x = random_tensor({3, 2, 2, 2}, 12);
  CHECK(at::equal(network.forward(x, {}), at::cat({x, x.clamp(-0.25, 0.5)}, 1).flatten(1)));
  Graph graph = flattened_graph({2, 2, 2}, {}, 8);
  graph.nodes.push_back({"softmax", "Softmax", {"flatten"}, {}});
  graph.output = "softmax";
  CHECK(relative_error(Network(graph, at::kCPU).forward(x, {}), at::softmax(x.flatten(1), 1)) < 1e-6);
}

TEST("Concat of rectified values gives what Relu and Concat give, and the same gradients") {
  const Attributes conv = {{"out_channels", {3}}, {"kernel_shape", {1, 1}}, {"bias", {0}}};
  Network network(flattened_graph({2, 4, 5},
                                  {{"left", "Conv", {"input"}, conv},
                                   {"left_relu", "Relu", {"left"}, {}},
                                   {"right", "Conv", {"input"}, conv},
                                   {"right_relu", "Relu", {"right"}, {}},
                                   {"join", "Concat", {"left_relu", "right_relu"}, {{"axis", {1}}}}},
                                  120),
                  at::kCPU);
  for (Parameter& parameter : network.parameters()) {
    parameter.value.data().copy_(random_tensor(parameter.value.sizes(), hash_name(parameter.name)));
  }
  const at::Tensor left = network.parameter("left.weight").value, right = network.parameter("right.weight").value;
  const at::Tensor x = random_tensor({3, 2, 4, 5}, 9);
  const at::Tensor exact_left = left.detach().clone().requires_grad_(), exact_right = right.detach().clone().requires_grad_();
  const at::Tensor left_value = at::relu(at::conv2d(x, exact_left)), right_value = at::relu(at::conv2d(x, exact_right));
  const at::Tensor expected = at::cat({left_value, right_value}, 1).flatten(1);
  const at::Tensor result = network.forward(x, {});
  CHECK(relative_error(result, expected) < 1e-6);
  // A node that a Concat does the work of still has a value of its own.
  CHECK(relative_error(network.value_of("right_relu", x, {}), right_value) < 1e-6);
  const at::Tensor weights = random_tensor(result.sizes(), 10);
  (result * weights).sum().backward();
  (expected * weights).sum().backward();
  CHECK(relative_error(left.grad(), exact_left.grad()) < 1e-5);
  CHECK(relative_error(right.grad(), exact_right.grad()) < 1e-5);
}

TEST("a graph that cannot run is refused, and the message names the node") {
  const auto build = [](std::vector<GraphNode> nodes, int64_t classes = 18) {
    Network(flattened_graph({2, 3, 3}, std::move(nodes), classes), at::kCPU);
  };
  const double nan = std::nan("");
  CHECK_THROWS(std::invalid_argument, "node odd (Erf): unknown operator", build({{"odd", "Erf", {"input"}, {}}}));
  CHECK_THROWS(std::invalid_argument, "node relu (Relu): input nowhere", build({{"relu", "Relu", {"nowhere"}, {}}}));
  CHECK_THROWS(std::invalid_argument, "node a (Relu): input b",
               build({{"a", "Relu", {"b"}, {}}, {"b", "Relu", {"a"}, {}}}));
  CHECK_THROWS(std::invalid_argument, "node a (Relu): two nodes",
               build({{"a", "Relu", {"input"}, {}}, {"a", "Relu", {"a"}, {}}}));
  CHECK_THROWS(std::invalid_argument, "node relu (Relu): takes 1 input", build({{"relu", "Relu", {}, {}}}));
  CHECK_THROWS(std::invalid_argument, "node conv (Conv): attribute out_channels",
               build({{"conv", "Conv", {"input"}, {{"kernel_shape", {1, 1}}}}}));
  CHECK_THROWS(std::invalid_argument, "node conv (Conv): attribute strides",
               build({{"conv", "Conv", {"input"}, convolution(2, 1, nan, 1, 1, {0, 0, 0, 0})}}));
  CHECK_THROWS(std::invalid_argument, "node conv (Conv): attribute strides",
               build({{"conv", "Conv", {"input"}, convolution(2, 1, 0, 1, 1, {0, 0, 0, 0})}}));
  CHECK_THROWS(std::invalid_argument, "node conv (Conv): the kernel is larger",
               build({{"conv", "Conv", {"input"}, convolution(2, 4, 1, 1, 1, {0, 0, 0, 0})}}));
  CHECK_THROWS(std::invalid_argument, "node conv (Conv): 2 input",
               build({{"conv", "Conv", {"input"}, convolution(3, 1, 1, 1, 3, {0, 0, 0, 0})}}));
  CHECK_THROWS(std::invalid_argument, "node conv (Conv): weight",
               build({{"conv", "Conv", {"input"}, convolution(2e9, 1e9, 1, 1, 1, {1e9, 1e9, 1e9, 1e9})}}));
  CHECK_THROWS(std::invalid_argument, "node fc (Gemm): takes a vector",
               build({{"fc", "Gemm", {"input"}, {{"out_features", {2}}}}}));
  CHECK_THROWS(std::invalid_argument, "node pool (MaxPool): attribute pads",
               build({{"pool", "MaxPool", {"input"}, {{"kernel_shape", {2, 2}}, {"pads", {2, 2, 2, 2}}}}}));
  CHECK_THROWS(std::invalid_argument, "node sum (Add): cannot add",
               build({{"mean", "GlobalAveragePool", {"input"}, {}}, {"sum", "Add", {"input", "mean"}, {}}}));
  CHECK_THROWS(std::invalid_argument, "node join (Concat): cannot join",
               build({{"mean", "GlobalAveragePool", {"input"}, {}}, {"join", "Concat", {"input", "mean"}, {}}}));
  CHECK_THROWS(std::invalid_argument, "node drop (Dropout): attribute ratio",
               build({{"drop", "Dropout", {"input"}, {{"ratio", {1}}}}}));
  CHECK_THROWS(std::invalid_argument, "node flatten (Flatten): the output must be [5]", build({}, 5));
  Network network(flattened_graph({2, 3, 3}, {}, 18), at::kCPU);
  CHECK_THROWS(std::invalid_argument, "expected images of 2x3x3", network.forward(at::ones({1, 2, 3, 4}), {}));
  CHECK_THROWS(std::invalid_argument, "no parameter", network.parameter("conv.weight"));
}

TEST("a graph whose values are past all memory is refused, naming the node, also where their size is past 64 bits") {
  const auto build = [](GraphInput input, std::vector<GraphNode> nodes) {
    Network(flattened_graph(input, std::move(nodes), 1), at::kMeta);
  };
  constexpr int64_t side = int64_t{1} << 53;
  CHECK_THROWS(std::invalid_argument, "graph input: ", build({side, side, side}, {}));
  CHECK_THROWS(std::invalid_argument, "graph input: ", build({1, side, 1}, {}));
  CHECK_THROWS(std::invalid_argument, "node wide (Conv): its output",
               build({1, 1 << 16, 1 << 16}, {{"wide", "Conv", {"input"}, convolution(2e9, 1, 1, 1, 1, {1e9, 1e9, 1e9, 1e9})}}));
  // Each has half of all that is allowed.
  const std::vector<std::string> many(4, "input");
  CHECK_THROWS(std::invalid_argument, "node join (Concat): its output",
               build({1 << 13, 1 << 10, 1 << 10}, {{"join", "Concat", many, {}}}));
}

TEST("initialize_parameters draws He's variance, 0.01 for the head, from seed and name alone") {
  const Attributes wide = convolution(64, 3, 1, 1, 1, {1, 1, 1, 1});
  Graph graph = flattened_graph({16, 4, 4},
                                {{"conv", "Conv", {"input"}, wide}, {"bn", "BatchNormalization", {"conv"}, {}}}, 1024);
  graph.nodes.push_back({"fc", "Gemm", {"flatten"}, {{"out_features", {50}}}});
  graph.output = graph.head = "fc";
  graph.classes = 50;
  Network network(graph, at::kCPU), again(graph, at::kCPU);
  for (Parameter& parameter : network.parameters()) parameter.value.data().fill_(5);
  initialize_parameters(
      network, {"conv.weight", "conv.bias", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var", "fc.weight"},
      3);
  const auto value = [&](const char* name) { return network.parameter(name).value.detach(); };
  CHECK_NEAR(value("conv.weight").std().item<double>(), std::sqrt(2.0 / 144), 0.02 * std::sqrt(2.0 / 144));
  CHECK_NEAR(value("conv.weight").mean().item<double>(), 0, 0.004);
  CHECK_NEAR(value("fc.weight").std().item<double>(), 0.01, 0.0002);
  CHECK(at::equal(value("conv.bias"), at::zeros({64})));
  CHECK(at::equal(value("bn.weight"), at::ones({64})));
  CHECK(at::equal(value("bn.running_var"), at::ones({64})));
  CHECK(at::equal(value("fc.bias"), at::full({50}, 5.0f)));
  initialize_parameters(again, {"conv.weight"}, 3);
  CHECK(at::equal(value("conv.weight"), again.parameter("conv.weight").value));
  initialize_parameters(again, {"conv.weight"}, 4);
  CHECK(!at::equal(value("conv.weight"), again.parameter("conv.weight").value));
  CHECK_THROWS(std::invalid_argument, "nobody", initialize_parameters(again, {"nobody"}, 1));
}

TEST("a frozen parameter gets no gradient, and the first layer's input none either") {
  Graph graph = flattened_graph({2, 4, 4},
                                {{"a", "Conv", {"input"}, convolution(3, 3, 1, 1, 1, {1, 1, 1, 1})},
                                 {"b", "Conv", {"a"}, convolution(2, 3, 1, 1, 1, {1, 1, 1, 1})}},
                                32);
  Network network(graph, at::kCPU);
  network.parameter("a.weight").value.set_requires_grad(false);
  const auto x = random_tensor({2, 2, 4, 4}, 20);
  network.forward(x, {}).sum().backward();
  CHECK(!network.parameter("a.weight").value.grad().defined());
  CHECK(network.parameter("b.weight").value.grad().defined());
  CHECK(!x.grad().defined());
}

}  // namespace
}  // namespace finepune::test
