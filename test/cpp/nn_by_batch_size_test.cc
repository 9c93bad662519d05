#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "check.h"
#include "devices.h"
#include "nn/by_batch_size.h"
#include "nn/compressed_operator.h"
#include "nn_support.h"

namespace finepune::test {
namespace {

// Its value is the number it was made with.
class Constant final : public Operator {
 public:
  explicit Constant(double value) : Operator({1}), value_(value) {}
  at::Tensor forward(c10::ArrayRef<at::Tensor> inputs, const ForwardContext&) override {
    return at::full({inputs[0].size(0), 1}, value_);
  }

 private:
  double value_;
};

}  // namespace

TEST("batch sizes are classed by powers of four") {
  const std::vector<std::pair<int64_t, size_t>> expected = {{1, 0},  {2, 1},  {4, 1},  {5, 2},   {16, 2},
                                                            {17, 3}, {64, 3}, {65, 4}, {256, 4}, {257, 5}};
  for (const auto& [images, number] : expected) CHECK_EQUAL(batch_class(images), number);
  for (size_t number = 0; number < 9; ++number) {
    CHECK_EQUAL(batch_class(largest_of_class(number)), number);
    CHECK_EQUAL(batch_class(largest_of_class(number) + 1), number + 1);
  }
}

TEST("the batch size decides which operator computes; the last choice holds for larger batches") {
  ByBatchSize chosen(std::make_unique<Constant>(1), std::make_unique<Constant>(2), {true, false, true});
  const std::vector<Parameter> none;
  const Network::Mode mode;
  const ForwardContext context{none, mode, 0};
  const std::vector<std::pair<int64_t, double>> expected = {{1, 2},  {2, 1},  {4, 1},   {5, 2},
                                                            {16, 2}, {17, 2}, {1000, 2}};
  for (const auto& [images, value] : expected) {
    const at::Tensor output = chosen.forward({at::zeros({images, 3})}, context);
    CHECK(output.sizes() == at::IntArrayRef({images, 1}));
    CHECK_EQUAL(output[0].item<double>(), value);
  }
}

// Which of the two computes is seen where the dense one's weight is taken away.
TEST_ON_DEVICES("a node computes with what was put in its place, for the batch sizes that are its own") {
  const c10::NoGradGuard no_grad;
  const Attributes same = {{"out_channels", {5}}, {"kernel_shape", {3, 3}}, {"pads", {1, 1, 1, 1}}};
  Network network(flattened_graph({2, 6, 7}, {{"conv", "Conv", {"input"}, same}, {"relu", "Relu", {"conv"}, {}}}, 210),
                  device);
  at::Tensor& weight = network.parameter("conv.weight").value;
  weight.copy_(random_tensor(weight.sizes(), 1));
  network.parameter("conv.bias").value.copy_(random_tensor({5}, 2));
  const at::Tensor one = random_tensor({1, 2, 6, 7}, 3).to(device), three = random_tensor({3, 2, 6, 7}, 4).to(device);
  const at::Tensor expected_one = network.forward(one, {}), expected_three = network.forward(three, {});
  std::unique_ptr<Operator> compressed = compress_operator(network, 0);
  std::unique_ptr<Operator> dense = network.exchange(0, nullptr);
  network.exchange(0, std::make_unique<ByBatchSize>(std::move(dense), std::move(compressed), std::vector{true, false}));
  CHECK(at::allclose(network.forward(one, {}), expected_one, 1e-5, 1e-5));
  CHECK(at::allclose(network.forward(three, {}), expected_three, 1e-5, 1e-5));
  weight = at::empty({0}, weight.options());
  CHECK(at::allclose(network.forward(one, {}), expected_one, 1e-5, 1e-5));
  CHECK_THROWS(std::exception, "", network.forward(three, {}));
}

}  // namespace finepune::test
