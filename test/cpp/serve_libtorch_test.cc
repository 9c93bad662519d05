// Networks served through libtorch, on every device: forms, batches, images, and what is refused.
#include <cmath>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "check.h"
#include "devices.h"
#include "nn_support.h"
#include "ops/error.h"
#include "serve/libtorch_network.h"
#include "serve_support.h"

namespace finepune::test {
namespace {

using serve::Choice;
using serve::Form;
using serve::LayerReport;
using serve::LibtorchNetwork;

// Convolutions with every attribute, what lies between them, and linear layers with and without a bias.
Graph every_layer() {
  Graph graph;
  graph.input = {3, 19, 17};
  graph.nodes = {
      {"first",
       "Conv",
       {"input"},
       {{"out_channels", {8}}, {"kernel_shape", {5, 3}}, {"strides", {2, 1}}, {"pads", {2, 0, 1, 1}}}},
      {"norm", "BatchNormalization", {"first"}, {}},
      {"relu", "Relu", {"norm"}, {}},
      {"pool", "MaxPool", {"relu"}, {{"kernel_shape", {3, 3}}, {"strides", {2, 2}}}},
      {"wide",
       "Conv",
       {"pool"},
       {{"out_channels", {12}},
        {"kernel_shape", {3, 3}},
        {"dilations", {1, 2}},
        {"pads", {1, 2, 1, 2}},
        {"group", {4}},
        {"bias", {0}}}},
      {"flat", "Flatten", {"wide"}, {}},
      {"hidden", "Gemm", {"flat"}, {{"out_features", {40}}, {"bias", {0}}}},
      {"relu2", "Relu", {"hidden"}, {}},
      {"head", "Gemm", {"relu2"}, {{"out_features", {7}}}},
  };
  graph.output = "head";
  graph.head = "head";
  graph.classes = 7;
  return graph;
}

// The network's own values on the CPU beside what it is served from.
struct Subject : ServedSubject {
  using ServedSubject::ServedSubject;

  at::Tensor expected(const at::Tensor& images) {
    const c10::NoGradGuard no_grad;
    return network.forward(images, {});
  }
  int64_t kept(const std::string& node) {
    return at::count_nonzero(network.parameter(node + ".weight").value).item<int64_t>();
  }
};

at::Tensor serve_floats(LibtorchNetwork& served, const at::Tensor& images) {
  at::Tensor logits = at::full({images.size(0), served.graph().classes}, std::nan(""), at::kFloat);
  serve::Images batch;
  batch.count = images.size(0);
  batch.floats = images.const_data_ptr<float>();
  served.run(batch, logits.mutable_data_ptr<float>());
  return logits;
}

}  // namespace

// Few networks: under a GPU's memory checker each takes seconds.
TEST_ON_DEVICES("served through libtorch: every form gives the network's own logits, in parts of the largest batch") {
  const std::vector<std::pair<Choice, int64_t>> ways = {{Choice::dense, 6},    {Choice::measured_dense, 6},
                                                        {Choice::sparse, 1},   {Choice::sparse, 6},
                                                        {Choice::measured, 6}, {Choice::measured, 20}};
  for (const double density : {0.0, 0.15}) {
    Subject subject(every_layer(), density);
    for (const auto& [choice, largest] : ways) {
      LibtorchNetwork served(subject.network.graph(), subject.tensors, {device, 2, largest, choice});
      for (const int64_t images : {1, 5, 20}) {
        const at::Tensor input = random_tensor({images, 3, 19, 17}, 50);
        const at::Tensor expected = subject.expected(input);
        const double scale = std::max(1.0, expected.abs().max().item<double>());
        CHECK_NEAR((serve_floats(served, input) - expected).abs().max().item<double>() / scale, 0, 1e-4);
      }
    }
  }
}

TEST_ON_DEVICES("served through libtorch: bytes of images are cropped and normalised as in training") {
  Subject subject(every_layer(), 0.5);
  LibtorchNetwork served(subject.network.graph(), subject.tensors, {device, 1, 2, Choice::dense});
  const at::Tensor stored = at::randint(0, 256, {3, 22, 30, 3}, at::kByte);
  serve::Images images;
  images.count = 3;
  images.bytes = stored.const_data_ptr<uint8_t>();
  images.stored_height = 22;
  images.stored_width = 30;
  images.top = 1;
  images.left = 6;
  images.source = {2, 1, 0};
  images.factor = {0.01f, 0.02f, 0.015f};
  images.shift = {-1, 0.5f, 0};
  at::Tensor logits = at::empty({3, 7}, at::kFloat);
  served.run(images, logits.mutable_data_ptr<float>());

  const at::Tensor crop = stored.narrow(1, 1, 19).narrow(2, 6, 17).flip({3}).permute({0, 3, 1, 2}).to(at::kFloat);
  const at::Tensor factor = at::tensor({0.01f, 0.02f, 0.015f}).view({3, 1, 1});
  const at::Tensor expected = subject.expected(crop * factor + at::tensor({-1.0f, 0.5f, 0.0f}).view({3, 1, 1}));
  CHECK(at::allclose(logits, expected, 1e-4, 1e-4));
}

TEST_ON_DEVICES("served through libtorch: layers report their forms, and only the weights that are used take memory") {
  Subject subject(every_layer(), 0.1);
  const auto layers_of = [&](Choice choice) {
    return LibtorchNetwork(subject.network.graph(), subject.tensors, {device, 1, 20, choice}).layers();
  };
  const std::vector<LayerReport> sparse = layers_of(Choice::sparse), dense = layers_of(Choice::measured_dense);
  const std::vector<LayerReport> measured = layers_of(Choice::measured);
  CHECK_EQUAL(sparse.size(), size_t{4});
  for (size_t i = 0; i < 4; ++i) {
    const at::Tensor& weight = subject.network.parameter(sparse[i].name + ".weight").value;
    const int64_t kept = subject.kept(sparse[i].name);
    CHECK_NEAR(sparse[i].density, static_cast<double>(kept) / static_cast<double>(weight.numel()), 1e-12);
    CHECK(sparse[i].single == Form::sparse && sparse[i].wide == Form::sparse);
    CHECK_EQUAL(sparse[i].bytes, 4 * (weight.size(0) + 1) + 8 * kept);
    CHECK(dense[i].single == Form::dense && dense[i].wide == Form::dense);
    CHECK_EQUAL(dense[i].bytes, 4 * weight.numel());
    // Two forms are held where batch sizes differ in theirs.
    const bool mixed = measured[i].single != measured[i].wide;
    const int64_t both = sparse[i].bytes + dense[i].bytes;
    const int64_t one = measured[i].single == Form::sparse ? sparse[i].bytes : dense[i].bytes;
    CHECK(measured[i].bytes == both || (!mixed && measured[i].bytes == one));
  }
}

TEST_ON_DEVICES("served through libtorch: a network without zeros stays dense") {
  Subject subject(every_layer(), 1.0);
  LibtorchNetwork served(subject.network.graph(), subject.tensors, {device, 1, 4, Choice::measured});
  for (const LayerReport& layer : served.layers()) CHECK(layer.single == Form::dense && layer.wide == Form::dense);
  int64_t parameters = 0;
  for (const at::Tensor& value : subject.values) parameters += static_cast<int64_t>(value.nbytes());
  if (device.is_cpu()) CHECK_EQUAL(served.bytes(), parameters);
  // The values of a batch lie on the device, too.
  if (device.is_cuda()) CHECK(served.bytes() > parameters);
}

TEST_ON_DEVICES("served through libtorch: forms it has not, and tensors that do not fit, are refused") {
  Subject subject(every_layer(), 1.0);
  const auto make = [&](Choice choice) {
    LibtorchNetwork(subject.network.graph(), subject.tensors, {device, 1, 1, choice});
  };
  CHECK_THROWS(Error, "expected measured", make(Choice::winograd));
  CHECK_THROWS(Error, "expected measured", make(Choice::columns));
  subject.tensors["hidden.weight"] = subject.tensors["head.weight"];
  CHECK_THROWS(std::invalid_argument, "tensor hidden.weight must have", make(Choice::dense));
  subject.tensors.erase("norm.running_mean");
  CHECK_THROWS(std::invalid_argument, "tensor norm.running_mean is missing", make(Choice::dense));
}

}  // namespace finepune::test
