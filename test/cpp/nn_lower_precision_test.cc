// What is computed in bfloat16 on a CPU, and what stays in float32 beside it.
#include "nn/lower_precision.h"

#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>

#include "check.h"
#include "nn/library_convolution.h"
#include "nn/rectified_concat.h"
#include "nn/unit_convolution.h"
#include "nn_support.h"

namespace finepune::test {
namespace {

void need_instructions() {
  if (!multiplies_bfloat16()) throw Skipped("this CPU does not multiply bfloat16");
}

// As a session in bf16 has it, while one stands.
class Lowered {
 public:
  Lowered() {
    at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
    at::autocast::set_autocast_enabled(at::kCPU, true);
  }
  ~Lowered() {
    at::autocast::set_autocast_enabled(at::kCPU, false);
    at::autocast::clear_cache();
  }
  Lowered(const Lowered&) = delete;
  Lowered& operator=(const Lowered&) = delete;
};

struct Result {
  at::Tensor output, by_images, by_weight, by_bias;
};

struct Layer {
  at::Tensor images = random_tensor({8, 32, 14, 13}, 1).contiguous(at::MemoryFormat::ChannelsLast);
  at::Tensor weight = random_tensor({48, 32, 3, 3}, 2).contiguous(at::MemoryFormat::ChannelsLast);
  at::Tensor bias = random_tensor({48}, 3), gradient = random_tensor({8, 48, 14, 13}, 4);
  UnitConvolution convolution = {{3, 3}, {1, 1, 1, 1}, 1};

  template <typename Convolve>
  Result run(at::ScalarType images_type, at::ScalarType type, const Convolve& convolve) const {
    const auto leaf = [](const at::Tensor& values, at::ScalarType to) {
      return values.to(to, false, true).requires_grad_();
    };
    const at::Tensor x = leaf(images, images_type), w = leaf(weight, type), b = leaf(bias, type);
    const at::Tensor output = convolve(x, w, b);
    output.backward(gradient.to(output.scalar_type()));
    return {output.detach(), x.grad(), w.grad(), b.grad()};
  }
  // Of operands rounded to bfloat16 first, or as they are, otherwise in float64.
  Result expected(bool rounded) const {
    const auto round = [rounded](const at::Tensor& values) {
      return rounded ? values.to(at::kBFloat16).to(at::kDouble) : values.to(at::kDouble);
    };
    Layer other = *this;
    other.images = round(images);
    other.weight = round(weight);
    other.bias = round(bias);
    other.gradient = round(gradient);
    return other.run(at::kDouble, at::kDouble, [](const at::Tensor& x, const at::Tensor& w, const at::Tensor& b) {
      return at::convolution(x, w, b, {1, 1}, {1, 1}, {1, 1}, false, {0, 0}, 1);
    });
  }
  Result chosen(const UnitChoice& choice, at::ScalarType images_type) const {
    return run(images_type, at::kFloat, [&](const at::Tensor& x, const at::Tensor& w, const at::Tensor& b) {
      return unit_convolution(x, w, b, convolution, choice);
    });
  }
};

TEST("bfloat16: a library convolution multiplies rounded operands under autocast, and its gradients too") {
  need_instructions();
  const Layer layer;
  const Result rounded = layer.expected(true), exact = layer.expected(false);
  const Lowered lowered;
  const Result result =
      layer.run(at::kFloat, at::kFloat, [](const at::Tensor& x, const at::Tensor& w, const at::Tensor& b) {
        return library_convolution(x, w, b, {{1, 1}, {1, 1}, {1, 1}, 1}, {});
      });
  CHECK(result.output.scalar_type() == at::kBFloat16);
  CHECK(result.by_weight.scalar_type() == at::kFloat && result.by_images.scalar_type() == at::kFloat);
  // Rounded once more on the way out, to 8 bits: 1/sqrt(12) of a last place on average.
  CHECK(at::equal(result.output, rounded.output.to(at::kFloat).to(at::kBFloat16)) ||
        relative_error(result.output, rounded.output) < 2e-3);
  CHECK(relative_error(result.output, rounded.output) < 0.8 * relative_error(result.output, exact.output));
  for (const auto& [value, reference] : {std::pair{result.by_images, exact.by_images},
                                         std::pair{result.by_weight, exact.by_weight},
                                         std::pair{result.by_bias, exact.by_bias}}) {
    const double error = relative_error(value, reference);
    CHECK(error > 1e-5 && error < 1e-2);
  }
}

TEST("bfloat16: what is not the library's is computed in float32, whatever the type of the images") {
  const Layer layer;
  const Result rounded = layer.expected(true), exact = layer.expected(false);
  const Lowered lowered;
  for (const Products products : {Products::sparse, Products::winograd}) {
    for (const WeightProducts by_weight : {WeightProducts::planes, WeightProducts::winograd}) {
      const UnitChoice choice{products, by_weight, &cpu::best_direct_kernels(), true};
      const Result whole = layer.chosen(choice, at::kFloat);
      CHECK(whole.output.scalar_type() == at::kFloat);
      CHECK(relative_error(whole.output, exact.output) < 4e-6);
      CHECK(relative_error(whole.by_images, exact.by_images) < 4e-6);
      CHECK(relative_error(whole.by_weight, exact.by_weight) < 3e-5);
      CHECK(relative_error(whole.by_bias, exact.by_bias) < 1e-5);
      const Result mixed = layer.chosen(choice, at::kBFloat16);
      CHECK(mixed.output.scalar_type() == at::kFloat && mixed.by_images.scalar_type() == at::kBFloat16);
      CHECK(relative_error(mixed.output, rounded.output) < 1e-2 && relative_error(mixed.by_weight, exact.by_weight) < 1e-2);
    }
  }
}

TEST("bfloat16: products of two kinds in one layer, each in its own type") {
  need_instructions();
  const Layer layer;
  const Result exact = layer.expected(false);
  const Lowered lowered;
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const auto* kernels = &cpu::best_direct_kernels();
    for (const UnitChoice& choice : {UnitChoice{Products::winograd, WeightProducts::library, kernels, true},
                                     UnitChoice{Products::library, WeightProducts::winograd, kernels, true}}) {
      const Result result = layer.chosen(choice, type);
      CHECK(relative_error(result.output, exact.output) < 1e-2);
      CHECK(relative_error(result.by_images, exact.by_images) < 1e-2);
      CHECK(relative_error(result.by_weight, exact.by_weight) < 1e-2);
      CHECK(relative_error(result.by_bias, exact.by_bias) < 1e-2);
      const double error = relative_error(result.by_weight, exact.by_weight);
      CHECK((choice.weight_products == WeightProducts::library || type == at::kBFloat16 || error < 2e-3));
    }
  }
}

TEST("bfloat16: the cheapest of float32 here and bfloat16 in the library is chosen, outside autocast nothing is lower") {
  const at::Tensor wide = at::zeros({32, 64, 27, 27}), taps = at::zeros({192, 64, 5, 5});
  const at::Tensor images = at::zeros({32, 128, 28, 28}), point = at::zeros({32, 128, 1, 1});
  const UnitConvolution five{{5, 5}, {2, 2, 2, 2}, 1}, one{{1, 1}, {}, 1};
  CHECK(!choose_products(five, wide, taps, 1).lower);
  const Lowered lowered;
  const UnitChoice choice = choose_products(five, wide, taps, 1);
  CHECK(choice.lower);
  CHECK((choice.products == Products::winograd) == (cpu::best_direct_kernels().lanes >= 8));
  CHECK(choose_products(one, images, point, 1).is_librarys());
  CHECK(choose_products(one, images.to(at::kBFloat16), point, 1).is_librarys());
}

TEST("bfloat16: rectified values of two types are joined in the lower one, with gradients of each one's own") {
  const at::Tensor left = random_tensor({2, 16, 5, 4}, 1).contiguous(at::MemoryFormat::ChannelsLast).requires_grad_();
  const at::Tensor right = random_tensor({2, 8, 5, 4}, 2, at::kBFloat16).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor lower = right.detach().requires_grad_();
  const at::Tensor joined = rectified_concat({left, lower});
  CHECK(joined.scalar_type() == at::kBFloat16);
  CHECK(at::equal(joined, at::cat({at::relu(left.detach()).to(at::kBFloat16), at::relu(lower.detach())}, 1)));
  joined.sum().backward();
  CHECK(at::equal(left.grad(), (left.detach() > 0).to(at::kFloat)));
  CHECK(at::equal(lower.grad(), (lower.detach() > 0).to(at::kBFloat16)));
}

// Every kind of convolution and what stands around them, as networks have them.
Graph mixed_graph() {
  Graph graph;
  graph.input = {3, 33, 33};
  const auto conv = [](const char* name, const char* from, double outputs, double kernel, double stride, double pad) {
    return GraphNode{name,
                     "Conv",
                     {from},
                     {{"out_channels", {outputs}},
                      {"kernel_shape", {kernel, kernel}},
                      {"strides", {stride, stride}},
                      {"pads", {pad, pad, pad, pad}}}};
  };
  graph.nodes = {conv("first", "input", 32, 3, 2, 1), {"r0", "Relu", {"first"}, {}},
                 {"pool", "MaxPool", {"r0"}, {{"kernel_shape", {3, 3}}, {"strides", {2, 2}}}},
                 conv("squeeze", "pool", 16, 1, 1, 0), {"r1", "Relu", {"squeeze"}, {}},
                 conv("one", "r1", 32, 1, 1, 0), {"r2", "Relu", {"one"}, {}},
                 conv("three", "r1", 32, 3, 1, 1), {"r3", "Relu", {"three"}, {}},
                 {"join", "Concat", {"r2", "r3"}, {{"axis", {1}}}},
                 {"lrn", "LRN", {"join"}, {{"size", {5}}, {"alpha", {1e-2}}}},
                 conv("next", "lrn", 64, 3, 1, 1), {"norm", "BatchNormalization", {"next"}, {}},
                 {"add", "Add", {"norm", "join"}, {}}, conv("last", "add", 10, 1, 1, 0),
                 {"mean", "GlobalAveragePool", {"last"}, {}}, {"flat", "Flatten", {"mean"}, {}},
                 {"linear", "Gemm", {"flat"}, {{"out_features", {7}}}}};
  graph.output = "linear";
  graph.classes = 7;
  return graph;
}

TEST("bfloat16: logits and gradients of a network of every operator are near those in float32, and scores the same") {
  need_instructions();
  Network network(mixed_graph(), at::kCPU);
  for (Parameter& parameter : network.parameters()) {
    if (parameter.kind == "weight") {
      parameter.value.data().copy_(random_tensor(parameter.value.sizes(), hash_name(parameter.name)) * 0.2);
    }
  }
  const at::Tensor images = random_tensor({8, 3, 33, 33}, 9);
  Network::Mode training;
  training.train = true;
  const auto gradients = [&](bool lower) {
    std::vector<at::Tensor> result;
    at::Tensor logits;
    {
      std::optional<Lowered> lowered;
      if (lower) lowered.emplace();
      logits = network.forward(images, training).to(at::kFloat);
    }
    result.push_back(logits.detach());
    logits.square().sum().backward();
    for (Parameter& parameter : network.parameters()) {
      if (!parameter.value.grad().defined()) continue;
      result.push_back(parameter.value.grad().clone());
      CHECK(result.back().scalar_type() == at::kFloat);
      parameter.value.mutable_grad().reset();
    }
    return result;
  };
  const auto whole = gradients(false), lower = gradients(true), again = gradients(true);
  for (size_t i = 0; i < whole.size(); ++i) {
    // The bias before the normalisation has a gradient of rounding errors alone; elsewhere maxima and rectifiers that are
    // near a tie may fall to the other side.
    if (whole[i].norm().item<double>() > 1e-3) CHECK(relative_error(lower[i], whole[i]) < 0.15);
    CHECK(at::equal(lower[i], again[i]));
  }
  const at::NoGradGuard guard;
  const at::Tensor expected = network.forward(images, {});
  const Lowered lowered;
  const at::Tensor scores = network.forward(images, {});
  CHECK(relative_error(scores, expected) < 0.02 && !at::equal(scores.to(at::kFloat), expected));
}

TEST("lower precision: autocast casts for at::convolution on a GPU and not on a CPU, as library_convolution expects") {
  const auto casts = [](const char* name, c10::DispatchKey key) {
    return c10::Dispatcher::singleton().findSchema({name, ""})->hasKernelForDispatchKey(key);
  };
  CHECK(casts("aten::convolution", c10::DispatchKey::AutocastCUDA));
  CHECK(!casts("aten::convolution", c10::DispatchKey::AutocastCPU));
  CHECK(casts("aten::conv2d", c10::DispatchKey::AutocastCPU));
}

}  // namespace
}  // namespace finepune::test
