#include <ATen/ATen.h>

#include "check.h"
#include "devices.h"
#include "nn_support.h"
#include "train/running_statistics.h"

namespace finepune::test {
namespace {

Network normalized_network(at::Device device) {
  const std::vector<GraphNode> nodes = {{"first", "BatchNormalization", {"input"}, {}},
                                        {"second", "BatchNormalization", {"first"}, {}}};
  return Network(flattened_graph({3, 2, 2}, nodes, 12), device);
}

at::Tensor values_of(Network& network) {
  std::vector<at::Tensor> values;
  for (const Parameter& parameter : network.parameters()) {
    if (is_running_statistic(parameter)) values.push_back(parameter.value);
  }
  return at::cat(values).cpu();
}

}  // namespace

TEST_ON_DEVICES("running statistics go back to those remembered last, and what does not proceed is not remembered") {
  Network network = normalized_network(device);
  network.parameter("second.running_mean").value.fill_(7);
  const at::Tensor first = values_of(network);
  RunningStatistics statistics(network);
  CHECK(at::equal(values_of(network), first));
  Network::Mode mode;
  mode.train = true;
  const auto step = [&](uint64_t seed) { network.forward(random_tensor({4, 3, 2, 2}, seed).to(device), mode).sum().backward(); };
  const auto flag = [&](bool value) { return at::full({}, value, at::TensorOptions().dtype(at::kBool).device(device)); };

  statistics.save();
  step(1);
  const at::Tensor second = values_of(network);
  CHECK(!at::equal(second, first));
  statistics.save_if(flag(true));
  network.parameter("first.running_var").value.fill_(std::nan(""));
  statistics.save_if(flag(false));
  statistics.restore();
  CHECK(at::equal(values_of(network), second));

  // Nothing is remembered any more.
  step(2);
  const at::Tensor third = values_of(network);
  statistics.save_if(flag(true));
  statistics.restore();
  CHECK(at::equal(values_of(network), third));

  statistics.save();
  step(3);
  const at::Tensor fourth = values_of(network);
  statistics.save_if({});
  step(4);
  statistics.restore();
  CHECK(at::equal(values_of(network), fourth));
}

}  // namespace finepune::test
