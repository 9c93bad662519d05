#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "check.h"
#include "devices.h"
#include "nn_support.h"
#include "ops/clip_scale.h"
#include "ops/masked_step.h"

namespace finepune::test {
namespace {

// Small integers, whose products and sums float32 holds exactly in any order.
at::Tensor small_integers(at::IntArrayRef shape, uint64_t seed) { return (random_tensor(shape, seed) * 3).round(); }

c10::intrusive_ptr<GradientFactors> factors_of(const at::Tensor& outputs, const at::Tensor& inputs) {
  auto factors = c10::make_intrusive<GradientFactors>();
  factors->add(outputs, inputs);
  return factors;
}

LayerStep make_step(int64_t outputs, int64_t inputs, bool masked) {
  LayerStep step;
  const at::Tensor values = random_tensor({outputs, inputs}, 1);
  const at::Tensor mask = at::ge(values.abs(), 0.3).to(at::kByte);
  step.weight.parameter = masked ? values * mask : values.clone();
  step.weight.momentum = random_tensor({outputs, inputs}, 2);
  if (masked) {
    step.weight.shadow = values.clone();
    step.weight.mask = mask;
  }
  step.learning_rate = 0.01f;
  return step;
}

LayerStep copy_of(const LayerStep& step, c10::Device device = c10::kCPU) {
  LayerStep copy = step;
  for (at::Tensor* tensor : {&copy.weight.parameter, &copy.weight.shadow, &copy.weight.momentum, &copy.weight.mask}) {
    if (tensor->defined()) *tensor = tensor->to(device).clone();
  }
  return copy;
}

at::Tensor run(const LayerStep& step, PrunedEntries pruned) {
  StepOptions options;
  options.momentum = 0.9f;
  options.weight_decay = 1e-3f;
  options.pruned = pruned;
  const auto place = at::TensorOptions().device(step.weight.parameter.device());
  options.gradient_scale = at::full({}, 0.5f, place.dtype(at::kFloat));
  const at::Tensor kept = at::zeros({1}, place.dtype(at::kLong));
  step_layers({step}, options, kept);
  return kept;
}

bool same_bits(const LayerStep& a, const LayerStep& b) {
  const auto same = [](const at::Tensor& x, const at::Tensor& y) {
    return x.defined() == y.defined() && (!x.defined() || at::equal(x, y));
  };
  return same(a.weight.parameter, b.weight.parameter) && same(a.weight.shadow, b.weight.shadow) &&
         same(a.weight.momentum, b.weight.momentum) && same(a.weight.mask, b.weight.mask);
}

}  // namespace

TEST_ON_DEVICES("a step from factors is the step from their product, to the last bit where its sums are exact") {
  // Less than a panel; whole panels and blocks; one more than either; a weight that is written past the caches.
  constexpr int64_t shapes[][3] = {{1, 1, 1},     {5, 3, 7},      {32, 16, 16},    {32, 17, 1030},
                                   {3, 130, 2049}, {9, 33, 1008}, {32, 1040, 1024}, {2, 1040, 1027}};
  for (const auto& [images, outputs, inputs] : shapes) {
    const at::Tensor left = small_integers({images, outputs}, 3).to(device);
    const at::Tensor right = small_integers({images, inputs}, 4).to(device);
    for (const bool masked : {true, false}) {
      for (const PrunedEntries pruned : {PrunedEntries::learning, PrunedEntries::frozen}) {
        const LayerStep start = make_step(outputs, inputs, masked);
        LayerStep whole = copy_of(start, device), factored = copy_of(start, device);
        whole.gradient = at::mm(left.t(), right);
        factored.factors = factors_of(left, right);
        if (pruned == PrunedEntries::learning) whole.refresh = factored.refresh = MaskThresholds{0.45f, 0.55f};
        const at::Tensor expected = run(whole, pruned);
        CHECK(at::equal(run(factored, pruned), expected));
        CHECK(same_bits(factored, whole));
      }
    }
  }
}

TEST("a step from factors: the number of threads changes no bit") {
  const LayerStep start = make_step(70, 3000, true);
  const auto factors = factors_of(random_tensor({32, 70}, 5), random_tensor({32, 3000}, 6));
  const int threads = at::get_num_threads();
  std::vector<LayerStep> results;
  for (const int count : {1, 2, 3, threads}) {
    at::set_num_threads(count);
    results.push_back(copy_of(start));
    results.back().factors = factors;
    run(results.back(), PrunedEntries::learning);
  }
  at::set_num_threads(threads);
  for (const LayerStep& result : results) CHECK(same_bits(result, results[0]));
  CHECK(!same_bits(results[0], start));
}

TEST_ON_DEVICES("factors of a gradient add up, and their norm is that of the product") {
  const at::Tensor left = random_tensor({7, 30}, 1).to(device), right = random_tensor({7, 500}, 2).to(device);
  const auto factors = factors_of(left, right);
  factors->add(left * 2, right);
  const at::Tensor product = factors->product();
  CHECK(relative_error(product, 3 * at::mm(left.t().to(at::kDouble), right.to(at::kDouble))) < 1e-6);
  const double norm = product.to(at::kDouble).norm().item<double>();
  CHECK_NEAR(std::sqrt(factors->square_sum().item<double>()) / norm, 1.0, 1e-6);
  const at::Tensor other = at::full({4}, 2 * norm, left.options());
  CHECK_NEAR(clip_scale({}, norm / 2, factors->square_sum()).item<float>(), 0.5, 1e-5);
  CHECK_NEAR(clip_scale({other}, norm, factors->square_sum()).item<float>(), 1 / std::sqrt(17.0), 1e-5);
  factors->reset();
  CHECK(!factors->defined());
}

TEST("factors that do not fit the parameter are refused") {
  LayerStep step = make_step(4, 6, true);
  const auto with = [&](const at::Tensor& outputs, const at::Tensor& inputs) {
    step.factors = factors_of(outputs, inputs);
    run(step, PrunedEntries::learning);
  };
  const at::Tensor outputs = at::zeros({2, 4}), inputs = at::zeros({2, 6});
  with(outputs, inputs);
  CHECK_THROWS(std::invalid_argument, "factors of the gradient do not fit", with(inputs, outputs));
  CHECK_THROWS(std::invalid_argument, "factors of the gradient do not fit", with(outputs, at::zeros({3, 6})));
  CHECK_THROWS(std::invalid_argument, "factor of the gradient has the wrong dtype", with(outputs, inputs.to(at::kDouble)));
  CHECK_THROWS(std::invalid_argument, "factor of the gradient has the wrong dtype", with(outputs.view({8}), inputs));
}

}  // namespace finepune::test
