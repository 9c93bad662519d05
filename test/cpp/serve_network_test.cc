// Serving against the network it was made from: every operator, kernel shape, form and instruction set.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "check.h"
#include "nn/network.h"
#include "nn_support.h"
#include "ops/cpu/direct_kernels.h"
#include "serve/served_network.h"
#include "serve_support.h"

using namespace finepune;
using namespace finepune::test;
using serve::Choice;

namespace {

// Every instruction set and form, one image, a few, and enough to be computed together.
void check_graph(const Graph& graph, double density, double tolerance = 2e-5) {
  Checked checked(graph, density);
  int count = 0;
  const cpu::DirectKernels* const* kernels = cpu::direct_kernels(&count);
  for (int i = 0; i < count; ++i) {
    for (const Choice choice : {Choice::dense, Choice::winograd, Choice::sparse, Choice::merged, Choice::columns}) {
      for (const int64_t batch : {1, 3, 35}) {
        serve::ServeOptions options;
        options.threads = 2;
        options.largest_batch = batch;
        options.choice = choice;
        options.kernels = kernels[i];
        CHECK_NEAR(checked.error(options, batch), 0, tolerance);
      }
    }
  }
}

std::vector<double> list(std::initializer_list<double> values) { return values; }

struct ConvolutionCase {
  GraphInput input;
  double out, kernel_height, kernel_width, stride;
  std::vector<double> pads;
  double groups = 1, dilation = 1;
};

Graph convolution_graph(const ConvolutionCase& c) {
  const Attributes attributes = {{"out_channels", {c.out}},
                                 {"kernel_shape", {c.kernel_height, c.kernel_width}},
                                 {"strides", {c.stride, c.stride}},
                                 {"pads", c.pads},
                                 {"group", {c.groups}},
                                 {"dilations", {c.dilation, c.dilation}}};
  const auto size = [&](int64_t side, double kernel, double pads) {
    return (side + static_cast<int64_t>(pads) - static_cast<int64_t>(c.dilation * (kernel - 1)) - 1) /
               static_cast<int64_t>(c.stride) +
           1;
  };
  const int64_t height = size(c.input.height, c.kernel_height, c.pads[0] + c.pads[2]);
  const int64_t width = size(c.input.width, c.kernel_width, c.pads[1] + c.pads[3]);
  return flattened_graph(c.input, {{"conv", "Conv", {"input"}, attributes}},
                         static_cast<int64_t>(c.out) * height * width);
}

}  // namespace

TEST("serve: a convolution of any kernel, stride, padding and grouping gives the network's own values") {
  const std::vector<ConvolutionCase> cases = {
      {{3, 9, 9}, 5, 1, 1, 1, list({0, 0, 0, 0})},         {{4, 13, 13}, 19, 3, 3, 1, list({1, 1, 1, 1})},
      {{2, 27, 23}, 9, 5, 5, 1, list({2, 2, 2, 2})},       {{3, 41, 47}, 8, 11, 11, 4, list({2, 2, 2, 2})},
      {{8, 14, 14}, 12, 3, 3, 2, list({1, 1, 1, 1})},      {{8, 7, 9}, 6, 1, 1, 2, list({0, 0, 0, 0})},
      {{6, 12, 10}, 9, 3, 3, 1, list({1, 1, 1, 1}), 3},    {{10, 15, 15}, 10, 3, 3, 1, list({1, 1, 1, 1}), 10},
      {{10, 15, 15}, 10, 3, 3, 2, list({1, 1, 1, 1}), 10}, {{3, 16, 11}, 7, 3, 5, 1, list({0, 2, 1, 1})},
      {{3, 16, 16}, 4, 3, 3, 1, list({2, 2, 2, 2}), 1, 2}, {{3, 17, 16}, 4, 3, 3, 3, list({2, 1, 0, 2}), 1, 2},
      {{1, 1, 1}, 3, 1, 1, 1, list({0, 0, 0, 0})},         {{2, 3, 3}, 33, 3, 3, 1, list({1, 1, 1, 1})},
      {{3, 5, 6}, 4, 7, 7, 2, list({3, 3, 3, 3})},         {{40, 6, 6}, 70, 3, 3, 1, list({0, 0, 0, 0})},
      {{8, 12, 10}, 8, 3, 3, 1, list({1, 1, 1, 1}), 2},    {{3, 16, 11}, 9, 3, 5, 1, list({0, 2, 1, 1})},
      {{16, 6, 57}, 40, 3, 3, 1, list({1, 1, 1, 1})},      {{16, 57, 6}, 24, 3, 3, 1, list({1, 0, 2, 1}), 2},
      {{20, 13, 13}, 48, 3, 3, 1, list({1, 1, 1, 1}), 2},  {{40, 15, 17}, 24, 3, 3, 2, list({1, 1, 1, 1})},
      {{70, 29, 3}, 50, 1, 1, 1, list({0, 0, 0, 0})},      {{40, 9, 9}, 300, 1, 1, 2, list({0, 0, 0, 0})},
      {{5, 3, 9}, 8, 3, 1, 1, list({0, 0, 0, 0})},         {{300, 13, 13}, 72, 3, 3, 1, list({1, 1, 1, 1})},
      {{70, 27, 27}, 72, 5, 5, 1, list({2, 2, 2, 2})},     {{20, 12, 12}, 48, 5, 5, 1, list({0, 0, 0, 0}), 2},
      {{5, 11, 14}, 16, 5, 3, 1, list({2, 0, 1, 1})},      {{4, 2, 30}, 8, 5, 1, 1, list({2, 0, 2, 0})},
  };
  for (const ConvolutionCase& c : cases) {
    for (const double density : {1.0, 0.3}) check_graph(convolution_graph(c), density);
  }
}

TEST("serve: sparse convolutions hold at every density") {
  for (const double density : {0.0, 0.01, 0.05, 0.5, 0.9}) {
    check_graph(convolution_graph({{20, 13, 13}, 24, 3, 3, 1, list({1, 1, 1, 1})}), density);
  }
}

// Hundreds of channels are more than one block of any form: sums are taken up again.
TEST("serve: sparse convolutions hold where their channels are read in blocks") {
  for (const double density : {0.0, 0.02, 0.4}) {
    check_graph(convolution_graph({{150, 9, 10}, 16, 3, 3, 1, list({1, 1, 1, 1})}), density);
    check_graph(convolution_graph({{300, 9, 10}, 8, 1, 1, 1, list({0, 0, 0, 0})}), density);
  }
}

TEST("serve: linear layers hold at every density, for any number of rows") {
  for (const double features : {1.0, 7.0, 8.0, 33.0, 100.0}) {
    for (const double density : {0.0, 0.1, 1.0}) {
      Graph graph = flattened_graph({3, 5, 7}, {}, 1);
      graph.nodes.push_back({"hidden", "Gemm", {"flatten"}, {{"out_features", {features}}}});
      graph.nodes.push_back({"relu", "Relu", {"hidden"}, {}});
      graph.nodes.push_back({"drop", "Dropout", {"relu"}, {{"ratio", {0.5}}}});
      graph.nodes.push_back({"head", "Gemm", {"drop"}, {{"out_features", {6}}, {"bias", {0}}}});
      graph.output = "head";
      graph.classes = 6;
      check_graph(graph, density);
    }
  }
}

TEST("serve: columns of zero inputs are left out, of those that are no numbers not") {
  Graph graph = flattened_graph({1, 30, 20}, {GraphNode{"rectified", "Relu", {"input"}, {}}}, 1);
  graph.nodes.push_back({"head", "Gemm", {"flatten"}, {{"out_features", {70}}}});
  graph.output = "head";
  graph.classes = 70;
  Checked checked(graph, 0.2);
  at::Tensor image = random_tensor({1, 1, 30, 20}, 7);
  const auto logits_of = [&](Choice choice) {
    serve::ServeOptions options;
    options.threads = 2;
    options.choice = choice;
    serve::ServedNetwork served(checked.network.graph(), checked.tensors, options);
    at::Tensor logits = at::empty({1, 70}, at::kFloat);
    serve::Images images;
    images.count = 1;
    images.floats = image.const_data_ptr<float>();
    served.run(images, logits.mutable_data_ptr<float>());
    CHECK(served.layers()[0].single == (choice == Choice::columns ? serve::Form::columns : serve::Form::sparse));
    return logits;
  };
  CHECK(at::allclose(logits_of(Choice::columns), logits_of(Choice::sparse), 1e-5, 1e-6));
  // Of the rows that have a weight there, and of no others.
  image[0][0][3][4] = std::nan("");
  const at::Tensor expected = at::isnan(logits_of(Choice::sparse));
  CHECK(expected.any().item<bool>() && !expected.all().item<bool>());
  CHECK(at::equal(at::isnan(logits_of(Choice::columns)), expected));
}

TEST("serve: normalisation, sums, limits, concatenation and pooling are merged without a change of value") {
  const Attributes same = {{"out_channels", {6}}, {"kernel_shape", {3, 3}}, {"pads", {1, 1, 1, 1}}};
  Graph graph;
  graph.input = {3, 11, 13};
  graph.nodes = {
      {"a", "Conv", {"input"}, same},
      {"a_norm", "BatchNormalization", {"a"}, {}},
      {"a_relu", "Relu", {"a_norm"}, {}},
      {"b", "Conv", {"a_relu"}, same},
      {"b_norm", "BatchNormalization", {"b"}, {}},
      {"sum", "Add", {"b_norm", "a_relu"}, {}},
      {"sum_relu", "Relu", {"sum"}, {}},
      {"c", "Conv", {"sum_relu"}, {{"out_channels", {4}}, {"kernel_shape", {1, 1}}}},
      {"c_clip", "Clip", {"c"}, {{"min", {-0.5}}, {"max", {1.5}}}},
      {"d", "Conv", {"sum_relu"}, same},
      {"joined", "Concat", {"c_clip", "d", "sum_relu"}, {{"axis", {1}}}},
      {"norm", "BatchNormalization", {"joined"}, {}},
      {"lrn", "LRN", {"norm"}, {{"size", {5}}, {"alpha", {0.1}}, {"beta", {0.75}}, {"bias", {2}}}},
      {"odd", "LRN", {"lrn"}, {{"size", {4}}, {"alpha", {0.1}}, {"beta", {0.6}}, {"bias", {1}}}},
      {"max",
       "MaxPool",
       {"odd"},
       {{"kernel_shape", {3, 3}}, {"strides", {2, 2}}, {"pads", {1, 1, 1, 1}}, {"ceil_mode", {1}}}},
      {"twice", "Add", {"max", "max"}, {}},
      {"again", "Conv", {"twice"}, {{"out_channels", {16}}, {"kernel_shape", {3, 3}}, {"pads", {1, 1, 1, 1}}}},
      {"shortcut", "Add", {"again", "max"}, {}},
      {"mean", "AveragePool", {"shortcut"}, {{"kernel_shape", {2, 3}}, {"strides", {1, 2}}, {"pads", {1, 1, 0, 1}}}},
      {"global", "GlobalAveragePool", {"mean"}, {}},
      {"flat", "Flatten", {"global"}, {}},
      {"head", "Gemm", {"flat"}, {{"out_features", {5}}}},
      {"probabilities", "Softmax", {"head"}, {}},
  };
  graph.output = "probabilities";
  graph.head = "head";
  graph.classes = 5;
  for (const double density : {1.0, 0.4}) check_graph(graph, density);
}

// Kernels finish the sums of most pixels in registers, those of a last vector or a row's end apart.
TEST("serve: bias, limits and what is added hold in every pixel of a convolution") {
  struct FinishedCase {
    GraphInput input;
    double out, kernel;
  };
  const std::vector<FinishedCase> cases = {
      {{40, 11, 13}, 72, 1}, {{24, 4, 2}, 33, 1}, {{20, 13, 13}, 48, 3}, {{9, 6, 30}, 16, 3}, {{18, 9, 27}, 24, 5}};
  for (const FinishedCase& c : cases) {
    const double pad = (c.kernel - 1) / 2;
    const Attributes same = {
        {"out_channels", {c.out}}, {"kernel_shape", {c.kernel, c.kernel}}, {"pads", {pad, pad, pad, pad}}};
    const int64_t features = static_cast<int64_t>(c.out) * c.input.height * c.input.width;
    const Graph alone = flattened_graph(c.input,
                                        {{"conv", "Conv", {"input"}, same}, {"clip", "Clip", {"conv"}, {{"min", {-3}}, {"max", {4}}}}},
                                        features);
    const Graph added = flattened_graph(c.input,
                                        {{"first", "Conv", {"input"}, same},
                                         {"conv", "Conv", {"first"}, same},
                                         {"sum", "Add", {"conv", "first"}, {}},
                                         {"clip", "Clip", {"sum"}, {{"min", {-60}}, {"max", {90}}}}},
                                        features);
    // Of what the limits leave, errors are a larger share.
    check_graph(alone, 1, 5e-5);
    check_graph(added, 1, 5e-5);
  }
}

TEST("serve: a pixel that is no number makes none of those that read it, and no others, whatever the limits") {
  const Graph graph = flattened_graph({40, 11, 13},
                                      {{"conv", "Conv", {"input"}, {{"out_channels", {72}}, {"kernel_shape", {1, 1}}}},
                                       {"relu", "Relu", {"conv"}, {}}},
                                      72 * 11 * 13);
  Checked checked(graph, 1);
  at::Tensor image = random_tensor({1, 40, 11, 13}, 5);
  image[0][3][4][5] = std::nan("");
  // In the vector that ends past the last pixel, too.
  image[0][7][10][12] = std::nan("");
  const c10::NoGradGuard no_grad;
  const at::Tensor expected = at::isnan(checked.network.forward(image, {}));
  CHECK(expected.sum().item<int64_t>() == 2 * 72);
  int count = 0;
  const cpu::DirectKernels* const* kernels = cpu::direct_kernels(&count);
  for (int i = 0; i < count; ++i) {
    serve::ServeOptions options;
    options.choice = Choice::dense;
    options.kernels = kernels[i];
    serve::ServedNetwork served(graph, checked.tensors, options);
    at::Tensor outputs = at::empty({1, served.classes()}, at::kFloat);
    serve::Images images;
    images.count = 1;
    images.floats = image.const_data_ptr<float>();
    served.run(images, outputs.mutable_data_ptr<float>());
    CHECK(at::equal(at::isnan(outputs), expected));
  }
}

// Large and small planes: computed in one band of rows, or in several.
TEST("serve: a convolution pooled as it is computed gives the values of one pooled afterwards") {
  struct PooledCase {
    GraphInput input;
    double out, groups;
    Attributes pool;
    double kernel = 3;
  };
  const std::vector<PooledCase> cases = {
      {{3, 64, 60}, 12, 1, {{"kernel_shape", {3, 3}}, {"strides", {2, 2}}}},
      {{4, 61, 70}, 36, 2, {{"kernel_shape", {3, 3}}, {"strides", {2, 2}}, {"ceil_mode", {1}}}},
      {{3, 33, 31}, 70, 1, {{"kernel_shape", {3, 3}}, {"strides", {2, 2}}, {"pads", {1, 1, 1, 1}}}},
      {{240, 17, 18}, 40, 2, {{"kernel_shape", {3, 3}}, {"strides", {2, 2}}}},
      {{5, 12, 14}, 5, 5, {{"kernel_shape", {2, 2}}, {"strides", {2, 2}}}},
      {{3, 50, 9}, 9, 1, {{"kernel_shape", {2, 3}}, {"strides", {3, 1}}, {"pads", {1, 1, 0, 1}}}},
      {{2, 7, 7}, 8, 1, {{"kernel_shape", {7, 7}}, {"strides", {7, 7}}}},
      {{12, 27, 27}, 72, 1, {{"kernel_shape", {3, 3}}, {"strides", {2, 2}}}, 5},
      {{6, 41, 13}, 68, 2, {{"kernel_shape", {2, 2}}, {"strides", {2, 2}}}, 5},
  };
  for (const PooledCase& c : cases) {
    const double pad = (c.kernel - 1) / 2;
    const Attributes convolution = {{"out_channels", {c.out}},
                                    {"kernel_shape", {c.kernel, c.kernel}},
                                    {"pads", {pad, pad, pad, pad}},
                                    {"group", {c.groups}}};
    Graph graph;
    graph.input = c.input;
    graph.nodes = {
        {"conv", "Conv", {"input"}, convolution},
        {"relu", "Relu", {"conv"}, {}},
        {"pool", "MaxPool", {"relu"}, c.pool},
        {"clip", "Clip", {"pool"}, {{"min", {-1}}, {"max", {1.5}}}},
        {"next", "Conv", {"clip"}, {{"out_channels", {4}}, {"kernel_shape", {3, 3}}, {"pads", {1, 1, 1, 1}}}},
        {"flat", "Flatten", {"next"}, {}},
        {"head", "Gemm", {"flat"}, {{"out_features", {5}}}},
    };
    graph.output = "head";
    graph.head = "head";
    graph.classes = 5;
    for (const double density : {1.0, 0.3}) check_graph(graph, density);
  }
}

// A factor may be negative and a sum changes which pixel is the largest: neither may move before the maximum.
TEST("serve: what follows a pooled convolution is merged into it only where the maximum allows") {
  const Attributes same = {{"out_channels", {6}}, {"kernel_shape", {3, 3}}, {"pads", {1, 1, 1, 1}}};
  const Attributes halves = {{"kernel_shape", {2, 2}}, {"strides", {2, 2}}};
  Graph graph;
  graph.input = {3, 24, 24};
  graph.nodes = {
      {"a", "Conv", {"input"}, same},
      {"a_pool", "MaxPool", {"a"}, halves},
      {"a_norm", "BatchNormalization", {"a_pool"}, {}},
      {"b", "Conv", {"a_norm"}, same},
      {"c", "Conv", {"b"}, same},
      {"c_pool", "MaxPool", {"c"}, {{"kernel_shape", {3, 3}}, {"strides", {1, 1}}, {"pads", {1, 1, 1, 1}}}},
      {"sum", "Add", {"c_pool", "b"}, {}},
      {"sum_pool", "MaxPool", {"sum"}, halves},
      {"sum_pool_again", "MaxPool", {"sum_pool"}, halves},
      {"d", "Conv", {"b"}, same},
      {"d_pool", "MaxPool", {"d"}, {{"kernel_shape", {4, 4}}, {"strides", {4, 4}}}},
      {"d_pool_sum", "Add", {"sum_pool_again", "d_pool"}, {}},
      {"e", "Conv", {"b"}, same},
      {"e_pool", "MaxPool", {"e"}, {{"kernel_shape", {4, 4}}, {"strides", {4, 4}}}},
      {"joined", "Concat", {"d_pool_sum", "e_pool"}, {{"axis", {1}}}},
      {"flat", "Flatten", {"joined"}, {}},
      {"head", "Gemm", {"flat"}, {{"out_features", {5}}}},
  };
  graph.output = "head";
  graph.head = "head";
  graph.classes = 5;
  for (const double density : {1.0, 0.4}) check_graph(graph, density);
}

TEST("serve: a concatenation is pooled before it is made, unless something else reads it") {
  const Attributes narrow = {{"out_channels", {5}}, {"kernel_shape", {1, 1}}};
  const Attributes same = {{"out_channels", {9}}, {"kernel_shape", {3, 3}}, {"pads", {1, 1, 1, 1}}};
  const Attributes halves = {{"kernel_shape", {3, 3}}, {"strides", {2, 2}}, {"ceil_mode", {1}}};
  for (const bool read_twice : {false, true}) {
    Graph graph;
    graph.input = {3, 30, 26};
    graph.nodes = {
        {"squeeze", "Conv", {"input"}, narrow},
        {"left", "Conv", {"squeeze"}, narrow},
        {"left_relu", "Relu", {"left"}, {}},
        {"right", "Conv", {"squeeze"}, same},
        {"joined", "Concat", {"left_relu", "right", "squeeze", "left_relu"}, {{"axis", {1}}}},
        {"pool", "MaxPool", {"joined"}, halves},
        {"next", "Conv", {"pool"}, same},
        {"flat", "Flatten", {"next"}, {}},
        {"head", "Gemm", {"flat"}, {{"out_features", {5}}}},
        {"mean", "GlobalAveragePool", {"joined"}, {}},
        {"mean_flat", "Flatten", {"mean"}, {}},
        {"mean_head", "Gemm", {"mean_flat"}, {{"out_features", {5}}}},
        {"both", "Add", {"head", "mean_head"}, {}},
    };
    graph.output = "both";
    if (!read_twice) {
      graph.nodes.resize(9);
      graph.output = "head";
    }
    graph.head = "head";
    graph.classes = 5;
    for (const double density : {1.0, 0.4}) check_graph(graph, density);
  }
}

TEST("serve: layers timed in both forms give the values of either, and the memory of one") {
  const Graph graph = convolution_graph({{64, 14, 14}, 64, 3, 3, 1, list({1, 1, 1, 1})});
  Checked checked(graph, 0.05);
  serve::ServeOptions options;
  options.largest_batch = 16;
  CHECK_NEAR(checked.error(options, 16), 0, 2e-5);
  const serve::ServedNetwork served(graph, checked.tensors, options);
  const auto layers = served.layers();
  CHECK_EQUAL(layers.size(), size_t{1});
  CHECK_NEAR(layers[0].density, 0.05, 0.01);
  if (layers[0].single == serve::Form::sparse && layers[0].wide == serve::Form::sparse) {
    CHECK(layers[0].bytes < 64 * 64 * 9 * 4);
  }
}

// Form of the weights, memory of the layer.
using Bytes = std::map<serve::Form, int64_t>;

serve::ServedNetwork served_with(const Checked& checked, Choice choice, int64_t largest_batch) {
  serve::ServeOptions options;
  options.threads = 2;
  options.largest_batch = largest_batch;
  options.choice = choice;
  return serve::ServedNetwork(checked.network.graph(), checked.tensors, options);
}

TEST("serve: a layer takes the memory of the forms in use, whether or not images are computed together") {
  // Nearly dense: a form that skips zeros is made, and hardly ever wins.
  for (const double density : {0.85, 0.3}) {
    const Checked checked(convolution_graph({{32, 14, 14}, 32, 3, 3, 1, list({1, 1, 1, 1})}), density);
    Bytes bytes;
    for (const Choice choice : {Choice::dense, Choice::winograd, Choice::sparse, Choice::merged}) {
      const serve::LayerReport layer = served_with(checked, choice, 1).layers()[0];
      CHECK(layer.single == layer.wide);
      bytes[layer.single] = layer.bytes;
    }
    CHECK_EQUAL(bytes.size(), size_t{4});
    for (const int64_t largest_batch : {1, 16}) {
      const serve::LayerReport layer = served_with(checked, Choice::measured, largest_batch).layers()[0];
      CHECK_EQUAL(layer.bytes, bytes[layer.single] + (layer.wide == layer.single ? 0 : bytes[layer.wide]));
    }
  }
  Graph graph = flattened_graph({1, 30, 20}, {GraphNode{"rectified", "Relu", {"input"}, {}}}, 1);
  graph.nodes.push_back({"head", "Gemm", {"flatten"}, {{"out_features", {72}}}});
  graph.output = "head";
  graph.classes = 72;
  const Checked checked(graph, 0.1);
  const serve::LayerReport dense = served_with(checked, Choice::dense, 1).layers()[0];
  const serve::LayerReport columns = served_with(checked, Choice::columns, 1).layers()[0];
  CHECK(columns.single == serve::Form::columns && columns.wide == serve::Form::columns);
  CHECK(columns.bytes < dense.bytes);
}

TEST("serve: images are never computed together where that was not asked for, however many come") {
  Graph graph;
  graph.input = {3, 32, 32};
  graph.nodes = {
      {"conv", "Conv", {"input"}, {{"out_channels", {8}}, {"kernel_shape", {3, 3}}, {"pads", {1, 1, 1, 1}}}},
      {"mean", "GlobalAveragePool", {"conv"}, {}},
      {"flatten", "Flatten", {"mean"}, {}},
  };
  graph.output = "flatten";
  graph.classes = 8;
  const Checked checked(graph, 1);
  constexpr int64_t kImages = 35;
  const at::Tensor images = random_tensor({kImages, 3, 32, 32}, 5);
  for (const int64_t largest_batch : {1, 7}) {
    serve::ServedNetwork served = served_with(checked, Choice::dense, largest_batch);
    std::vector<float> logits(kImages * 8);
    serve::Images batch;
    batch.floats = images.const_data_ptr<float>();
    batch.count = 1;
    served.run(batch, logits.data());
    const int64_t before = served.bytes();
    batch.count = kImages;
    served.run(batch, logits.data());
    // Two threads take an image each; sixteen images a pixel would take far more.
    CHECK(served.bytes() < 3 * before);
  }
}

TEST("serve: paddings and dilations that ask for planes past all memory are refused, naming the node") {
  const std::vector<std::pair<Attributes, GraphInput>> cases = {
      {{{"kernel_shape", {2, 2}}, {"dilations", {40000, 40000}}, {"pads", {20000, 20000, 20000, 20000}}}, {1, 4, 4}},
      {{{"kernel_shape", {2, 2}},
        {"dilations", {40001, 40001}},
        {"strides", {2, 2}},
        {"pads", {20000, 20000, 20001, 20001}}},
       {1, 4, 4}},
      {{{"kernel_shape", {1, 1}}, {"pads", {6000, 6000, 6000, 6000}}}, {1, 4, 4}},
      {{{"kernel_shape", {1, 1}}, {"strides", {2, 2}}, {"pads", {2147483647, 2147483647, 2147483647, 2147483647}}},
       {1, 4, 4}},
  };
  for (const auto& [attributes, input] : cases) {
    Graph graph;
    graph.input = input;
    GraphNode node{"huge", "Conv", {"input"}, attributes};
    node.attributes["out_channels"] = {1};
    graph.nodes = {node, {"mean", "GlobalAveragePool", {"huge"}, {}}, {"flatten", "Flatten", {"mean"}, {}}};
    graph.output = "flatten";
    graph.classes = 1;
    const std::vector<float> values(4, 1.0f);
    const size_t taps = attributes.at("kernel_shape")[0] == 2 ? 4 : 1;
    const serve::Tensors tensors = {{"huge.weight", std::span(values).first(taps)},
                                    {"huge.bias", std::span(values).first(1)}};
    CHECK_THROWS(std::invalid_argument, "huge", serve::ServedNetwork(graph, tensors, {}));
  }
}

TEST("serve: a missing or misshapen tensor is named") {
  Checked checked(convolution_graph({{3, 9, 9}, 5, 1, 1, 1, list({0, 0, 0, 0})}), 1);
  serve::Tensors tensors = checked.tensors;
  tensors["conv.weight"] = tensors["conv.weight"].first(3);
  CHECK_THROWS(std::invalid_argument, "conv.weight", serve::ServedNetwork(checked.network.graph(), tensors, {}));
  tensors.erase("conv.weight");
  CHECK_THROWS(std::invalid_argument, "conv.weight", serve::ServedNetwork(checked.network.graph(), tensors, {}));
}
