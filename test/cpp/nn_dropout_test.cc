// Dropout draws the same values on every device.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "check.h"
#include "devices.h"
#include "nn_support.h"

namespace finepune::test {
namespace {

Network dropping_network(at::Device device) {
  return Network(flattened_graph({6, 5, 7},
                                 {{"conv", "Conv", {"input"}, {{"out_channels", {6}}, {"kernel_shape", {1, 1}}}},
                                  {"drop", "Dropout", {"conv"}, {{"ratio", {0.3}}}}},
                                 6 * 5 * 7),
                 device);
}

void fill(Network& network) {
  const at::NoGradGuard guard;
  network.parameters()[0].value.copy_(random_tensor({6, 6, 1, 1}, 2));
  network.parameters()[1].value.copy_(random_tensor({6}, 3) + 3);
}

}  // namespace

TEST_ON_DEVICES("dropout drops the CPU's values for a seed, others for another, and gradients pass where values do") {
  const at::Tensor images = random_tensor({3, 6, 5, 7}, 1);
  Network::Mode mode;
  mode.train = mode.dropout = true;
  mode.dropout_seed = 0x9123456789abcdefULL;
  Network expected = dropping_network(at::kCPU), network = dropping_network(device);
  fill(expected);
  fill(network);
  const at::Tensor reference = expected.forward(images, mode);
  const at::Tensor output = network.forward(images.to(device), mode);
  CHECK(at::equal(output.detach().cpu() == 0, reference.detach() == 0));
  CHECK(relative_error(output.detach().cpu(), reference.detach()) < 1e-5);
  reference.sum().backward();
  output.sum().backward();
  for (const size_t parameter : {0, 1}) {
    CHECK(relative_error(network.parameters()[parameter].value.grad().cpu(), expected.parameters()[parameter].value.grad()) <
          1e-4);
  }
  mode.device_dropout_seed = at::full({1}, 18, at::TensorOptions().dtype(at::kLong).device(device));
  mode.dropout_seed = 18;
  const at::Tensor other = network.forward(images.to(device), mode);
  CHECK(!at::equal(other.detach().cpu() == 0, reference.detach() == 0));
}

}  // namespace finepune::test
