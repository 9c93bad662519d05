// Convolutions that rectify and pool what they compute, for the nodes behind them.
#include <limits>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "check.h"
#include "devices.h"
#include "nn/finished_sums.h"
#include "nn_support.h"

namespace finepune::test {
namespace {

constexpr int64_t kImages = 3, kInputs = 5, kHeight = 9, kWidth = 8;

// pads: top, left, bottom, right.
struct Pool {
  std::vector<double> kernel, strides, pads;
  double ceil_mode;
};

const Pool kPools[] = {
    {{3, 3}, {2, 2}, {0, 0, 0, 0}, 0}, {{3, 3}, {2, 2}, {0, 0, 0, 0}, 1}, {{2, 2}, {2, 2}, {0, 0, 0, 0}, 0},
    {{3, 2}, {1, 3}, {1, 0, 0, 1}, 0}, {{3, 3}, {2, 2}, {1, 1, 1, 1}, 1}, {{1, 1}, {3, 3}, {0, 0, 0, 0}, 0},
    {{3, 3}, {2, 2}, {1, 0, 0, 1}, 0}, {{3, 3}, {2, 2}, {2, 1, 0, 2}, 1}, {{3, 3}, {2, 2}, {0, 2, 1, 0}, 0},
};

// Convolution, rectifier and pooling of `channels` channels.
Network pooled_network(const Pool& pool, int64_t channels, const PoolWindows& windows, at::Device device) {
  const auto [height, width] = windows.output;
  return Network(flattened_graph({kInputs, kHeight, kWidth},
                                 {{"conv",
                                   "Conv",
                                   {"input"},
                                   {{"out_channels", {static_cast<double>(channels)}},
                                    {"kernel_shape", {3, 3}},
                                    {"pads", {1, 1, 1, 1}}}},
                                  {"relu", "Relu", {"conv"}, {}},
                                  {"pool",
                                   "MaxPool",
                                   {"relu"},
                                   {{"kernel_shape", pool.kernel},
                                    {"strides", pool.strides},
                                    {"pads", pool.pads},
                                    {"ceil_mode", {pool.ceil_mode}}}}},
                                 channels * height * width),
                 device);
}

PoolWindows windows_of(const Pool& pool, int64_t channels) {
  const GraphNode node{"pool",
                       "MaxPool",
                       {"relu"},
                       {{"kernel_shape", pool.kernel},
                        {"strides", pool.strides},
                        {"pads", pool.pads},
                        {"ceil_mode", {pool.ceil_mode}}}};
  return read_pool_windows(node, {channels, kHeight, kWidth});
}

at::Tensor pooled(const at::Tensor& values, const PoolWindows& windows) {
  const auto trailing = [&](size_t side) {
    return (windows.output[side] - 1) * windows.strides[side] + windows.kernel[side] - windows.input[side] -
           windows.leading(side);
  };
  const at::Tensor padded = at::constant_pad_nd(values, {windows.padding.left, trailing(1), windows.padding.top, trailing(0)},
                                                -std::numeric_limits<double>::infinity());
  return at::max_pool2d(padded, windows.kernel, windows.strides);
}

// The same in float64.
at::Tensor plain(const at::Tensor& images, const at::Tensor& weight, const at::Tensor& bias, const PoolWindows& windows) {
  return pooled(at::relu(at::conv2d(images, weight, bias, 1, 1)), windows).flatten(1);
}

void fill(Network& network, uint64_t seed) {
  const at::NoGradGuard guard;
  for (Parameter& parameter : network.parameters()) {
    parameter.value.copy_(random_tensor(parameter.value.sizes(), seed++) * 0.3);
  }
}

at::Tensor wide(const Network& network, size_t parameter) {
  return network.parameters()[parameter].value.detach().cpu().to(at::kDouble).requires_grad_(true);
}

}  // namespace

TEST_ON_DEVICES("a convolution rectifies and pools as the nodes behind it would, and so do its gradients, for all windows") {
  for (const Pool& pool : kPools) {
    for (const int64_t channels : {16, 8, 3}) {
      const PoolWindows windows = windows_of(pool, channels);
      Network network = pooled_network(pool, channels, windows, device);
      fill(network, 3);
      const at::Tensor images = random_tensor({kImages, kInputs, kHeight, kWidth}, 9);
      const at::Tensor weight = wide(network, 0), bias = wide(network, 1);
      const at::Tensor expected = plain(images.to(at::kDouble), weight, bias, windows);
      const at::Tensor output = network.forward(images.to(device), {});
      CHECK(relative_error(output.detach().cpu(), expected.detach()) < 1e-5);
      const at::Tensor gradient = random_tensor(expected.sizes(), 11);
      (output * gradient.to(device)).sum().backward();
      (expected * gradient.to(at::kDouble)).sum().backward();
      CHECK(relative_error(network.parameters()[0].value.grad().cpu(), weight.grad()) < 1e-4);
      CHECK(relative_error(network.parameters()[1].value.grad().cpu(), bias.grad()) < 1e-4);
      const at::NoGradGuard guard;
      CHECK(relative_error(network.forward(images.to(device), {}).cpu(), expected.detach()) < 1e-5);
    }
  }
}

TEST_ON_DEVICES("a pass that ends at a node in between gives that node's value") {
  const Pool& pool = kPools[0];
  Network network = pooled_network(pool, 8, windows_of(pool, 8), device);
  fill(network, 3);
  const at::Tensor images = random_tensor({kImages, kInputs, kHeight, kWidth}, 9);
  const at::Tensor sums = at::conv2d(images.to(at::kDouble), wide(network, 0), wide(network, 1), 1, 1).detach();
  const at::NoGradGuard guard;
  CHECK(relative_error(network.value_of("conv", images.to(device), {}).cpu(), sums) < 1e-5);
  CHECK(relative_error(network.value_of("relu", images.to(device), {}).cpu(), at::relu(sums)) < 1e-5);
}

TEST_ON_DEVICES("a rectifier that others read too stays a node of its own") {
  Graph graph = flattened_graph({4, 6, 6},
                                {{"conv", "Conv", {"input"}, {{"out_channels", {4}}, {"kernel_shape", {1, 1}}}},
                                 {"relu", "Relu", {"conv"}, {}},
                                 {"sum", "Add", {"conv", "relu"}, {}}},
                                4 * 6 * 6);
  Network network(std::move(graph), device);
  fill(network, 5);
  const at::Tensor images = random_tensor({2, 4, 6, 6}, 6);
  const at::Tensor sums = at::conv2d(images.to(at::kDouble), wide(network, 0), wide(network, 1)).detach();
  const at::NoGradGuard guard;
  CHECK(relative_error(network.forward(images.to(device), {}).cpu(), (sums + at::relu(sums)).flatten(1)) < 1e-5);
}

TEST_ON_DEVICES("bfloat16 activations are rectified and pooled as float32 ones are, rounded once") {
  if (device.is_cpu()) throw Skipped("a CPU has no such kernels");
  const PoolWindows windows = windows_of(kPools[0], 16);
  for (const int64_t channels : {16, 5}) {
    const auto memory = at::MemoryFormat::ChannelsLast;
    const at::Tensor sums = random_tensor({kImages, channels, kHeight, kWidth}, 21).to(device, at::kBFloat16).contiguous(memory);
    const at::Tensor bias = random_tensor({channels}, 22).to(device);
    const at::Tensor exact = at::relu(sums.to(at::kFloat) + bias.view({1, -1, 1, 1}));
    const at::Tensor largest = at::max_pool2d(exact, windows.kernel, windows.strides);
    CHECK(at::equal(pooled_sums(sums, bias, true, windows), largest.to(at::kBFloat16)));
    CHECK(at::equal(rectified_sums(sums.clone(), bias), exact.to(at::kBFloat16)));
  }
}

TEST_ON_DEVICES("gradients of bfloat16 poolings are added in float32 and rounded once") {
  if (device.is_cpu()) throw Skipped("a CPU has no such kernels");
  for (const size_t i : {0, 2, 7}) {
    for (const int64_t channels : {16, 5}) {
      const PoolWindows windows = windows_of(kPools[i], channels);
      const at::Tensor sums = random_tensor({kImages, channels, kHeight, kWidth}, 21).to(at::kBFloat16);
      const at::Tensor exact = sums.to(at::kDouble).requires_grad_(true);
      const at::Tensor expected = pooled(at::relu(exact), windows);
      const at::Tensor gradient = random_tensor(expected.sizes(), 23).to(at::kBFloat16);
      expected.backward(gradient.to(at::kDouble));
      const at::Tensor learned = sums.to(device).contiguous(at::MemoryFormat::ChannelsLast).requires_grad_(true);
      pooled_sums(learned, std::nullopt, true, windows).backward(gradient.to(device));
      CHECK(relative_error(learned.grad().cpu(), exact.grad()) < 4e-3);
    }
  }
}

TEST_ON_DEVICES("a NaN comes through rectifier and pooling") {
  if (device.is_cpu()) throw Skipped("a CPU has no such kernels");
  const PoolWindows windows = windows_of(kPools[0], 8);
  at::Tensor sums = at::zeros({1, 8, kHeight, kWidth}).contiguous(at::MemoryFormat::ChannelsLast);
  sums[0][2][4][4] = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor expected = at::max_pool2d(sums, windows.kernel, windows.strides);
  const at::Tensor pooled = pooled_sums(sums.to(device), std::nullopt, true, windows).cpu();
  CHECK(at::equal(at::isnan(pooled), at::isnan(expected)));
  CHECK(at::isnan(rectified_sums(sums.to(device), std::nullopt)).sum().item<int64_t>() == 1);
}

TEST_ON_DEVICES("a convolution in large steps is the same folded") {
  Network network(flattened_graph({3, 23, 27},
                                  {{"conv",
                                    "Conv",
                                    {"input"},
                                    {{"out_channels", {16}}, {"kernel_shape", {11, 11}}, {"strides", {4, 4}}, {"pads", {2, 2, 2, 2}}}}},
                                  16 * 5 * 6),
                  device);
  fill(network, 3);
  const at::Tensor images = random_tensor({2, 3, 23, 27}, 9);
  const at::Tensor weight = wide(network, 0), bias = wide(network, 1);
  const at::Tensor expected = at::conv2d(images.to(at::kDouble), weight, bias, 4, 2).flatten(1);
  const at::Tensor output = network.forward(images.to(device), {});
  CHECK(relative_error(output.detach().cpu(), expected.detach()) < 1e-5);
  output.square().sum().backward();
  expected.square().sum().backward();
  CHECK(relative_error(network.parameters()[0].value.grad().cpu(), weight.grad()) < 1e-4);
  CHECK(relative_error(network.parameters()[1].value.grad().cpu(), bias.grad()) < 1e-4);
}

}  // namespace finepune::test
