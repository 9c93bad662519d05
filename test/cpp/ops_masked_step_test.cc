#include <ATen/ATen.h>

#include "check.h"
#include "devices.h"
#include "ops/masked_step.h"

namespace finepune::test {
namespace {

// One layer on a device beside its values in float64 on the CPU.
struct Layer {
  LayerStep step;
  at::Tensor shadow, momentum, mask;

  bool masked() const { return step.weight.mask.defined(); }
  // W as the step has it.
  const at::Tensor& stepped() const { return masked() ? step.weight.shadow : step.weight.parameter; }
};

// `offset`: entries that its memory lies behind an aligned address.
at::Tensor placed(const at::Tensor& values, c10::Device device, int64_t offset) {
  const at::Tensor memory = at::empty({values.numel() + offset}, values.options().device(device));
  const at::Tensor tensor = memory.narrow(0, offset, values.numel()).as_strided(values.sizes(), values.strides(), offset);
  tensor.copy_(values);
  return tensor;
}

Layer make_layer(const at::Tensor& values, bool masked, c10::Device device, int64_t offset, int64_t index) {
  Layer layer;
  layer.shadow = values.to(at::kDouble);
  layer.momentum = at::randn_like(values).to(at::kDouble);
  layer.step.learning_rate = 0.01f * static_cast<float>(1 + index % 3);
  layer.step.kept_index = index;
  layer.step.weight.momentum = placed(layer.momentum.to(at::kFloat), device, offset);
  layer.mask = at::ones_like(values, at::TensorOptions().dtype(at::kByte));
  if (masked) {
    layer.mask = at::ge(values.abs(), 0.3).to(at::kByte);
    layer.step.weight.shadow = placed(values, device, offset);
    layer.step.weight.mask = placed(layer.mask, device, offset);
  }
  layer.step.weight.parameter = placed(values * layer.mask, device, offset);
  return layer;
}

// Sizes around a vector, a block's share and many blocks; a convolution's weight in channels_last memory; memory that
// begins off a vector; more layers than one launch takes.
std::vector<Layer> make_layers(c10::Device device) {
  std::vector<Layer> layers;
  const auto add = [&](const at::Tensor& values, bool masked, int64_t offset) {
    layers.push_back(make_layer(values, masked, device, offset, static_cast<int64_t>(layers.size())));
  };
  for (const int64_t size : {0, 1, 3, 4, 5, 1023, 8191, 8192, 8193, 100003}) {
    for (const int64_t offset : {0, 1, 4}) {
      add(at::randn({size}), true, offset);
      add(at::randn({size}), false, offset);
    }
  }
  add(at::randn({64, 48, 5, 5}).contiguous(at::MemoryFormat::ChannelsLast), true, 0);
  add(at::randn({1100, 1000}), true, 0);
  return layers;
}

at::Tensor counts_of(const std::vector<Layer>& layers, c10::Device device) {
  const at::Tensor counts = at::empty({static_cast<int64_t>(layers.size())}, at::kLong);
  for (const Layer& layer : layers) {
    counts.data_ptr<int64_t>()[layer.step.kept_index] = layer.mask.sum().item<int64_t>();
  }
  return counts.to(device);
}

constexpr MaskThresholds thresholds{0.45f, 0.55f};

// The step in float64, each part by itself.
void step_reference(Layer& layer, const at::Tensor& gradient, const StepOptions& options, double scale) {
  const at::Tensor kept = layer.mask.to(at::kDouble);
  const at::Tensor total = gradient.to(at::kDouble) * scale + layer.shadow * kept * double{options.weight_decay};
  const at::Tensor momentum = layer.momentum * double{options.momentum} + total;
  const at::Tensor shadow = layer.shadow - momentum * double{layer.step.learning_rate};
  const bool frozen = options.pruned == PrunedEntries::frozen;
  const at::Tensor moved = layer.mask.to(at::kBool);
  layer.momentum = frozen ? momentum * kept : momentum;
  layer.shadow = frozen ? at::where(moved, shadow, layer.shadow) : shadow;
}

void check_layer(Layer& layer) {
  const at::Tensor shadow = layer.stepped().cpu();
  CHECK(at::allclose(shadow.to(at::kDouble), layer.shadow, 1e-5, 1e-5));
  CHECK(at::allclose(layer.step.weight.momentum.cpu().to(at::kDouble), layer.momentum, 1e-5, 1e-5));
  if (!layer.masked()) return;
  if (layer.step.refresh) {
    // On the step's own W: rounding may put the reference's on the other side of a threshold.
    layer.mask.masked_fill_(at::lt(shadow.abs(), thresholds.lower), 0);
    layer.mask.masked_fill_(at::ge(shadow.abs(), thresholds.upper), 1);
  }
  CHECK(at::equal(layer.step.weight.mask.cpu(), layer.mask));
  CHECK(at::equal(layer.step.weight.parameter.cpu(), shadow * layer.mask));
  // Only rounding of one step is held against the reference, not what many make of it.
  layer.shadow = shadow.to(at::kDouble);
  layer.momentum = layer.step.weight.momentum.cpu().to(at::kDouble);
}

}  // namespace

TEST_ON_DEVICES("a step of many layers follows the plain sequence of its parts in float64") {
  at::manual_seed(1);
  std::vector<Layer> layers = make_layers(device);
  const at::Tensor kept = counts_of(layers, device);
  for (int round = 0; round < 6; ++round) {
    StepOptions options;
    options.momentum = 0.9f;
    options.weight_decay = 1e-3f;
    options.pruned = round % 3 == 2 ? PrunedEntries::frozen : PrunedEntries::learning;
    const double scale = round % 2 == 0 ? 1.0 : 0.5;
    if (round % 2 == 1) options.gradient_scale = at::full({}, scale, at::TensorOptions().dtype(at::kFloat).device(device));
    std::vector<LayerStep> steps;
    for (Layer& layer : layers) {
      const at::Tensor gradient = at::randn_like(layer.shadow, at::TensorOptions().dtype(at::kFloat));
      layer.step.gradient = placed(gradient, device, layer.step.kept_index % 2);
      layer.step.refresh = std::nullopt;
      if ((round + layer.step.kept_index) % 2 == 0) layer.step.refresh = thresholds;
      step_reference(layer, gradient, options, scale);
      steps.push_back(layer.step);
    }
    step_layers(steps, options, kept);
    for (Layer& layer : layers) check_layer(layer);
    const at::Tensor expected = counts_of(layers, c10::kCPU);
    for (const Layer& layer : layers) {
      const int64_t index = layer.step.kept_index;
      if (layer.masked()) CHECK_EQUAL(kept[index].item<int64_t>(), expected[index].item<int64_t>());
    }
  }
}

TEST_ON_DEVICES("a step gives the bits of the CPU's") {
  std::vector<at::Tensor> bits;
  for (const c10::Device place : {c10::Device(c10::kCPU), device}) {
    at::manual_seed(2);
    const at::Tensor values = at::randn({50021});
    Layer layer = make_layer(values, true, place, 0, 0);
    const at::Tensor kept = counts_of({layer}, place);
    for (int round = 0; round < 50; ++round) {
      layer.step.gradient = at::randn({50021}).to(place);
      layer.step.refresh = thresholds;
      StepOptions options;
      options.momentum = 0.9f;
      options.weight_decay = 1e-3f;
      step_layers({layer.step}, options, kept);
    }
    const auto& [parameter, shadow, momentum, mask] = layer.step.weight;
    for (const at::Tensor& tensor : {parameter, shadow, momentum, mask, kept}) bits.push_back(tensor.cpu());
  }
  for (size_t i = 0; i < 5; ++i) CHECK(at::equal(bits[i], bits[i + 5]));
}

TEST_ON_DEVICES("a step that is not to proceed changes nothing") {
  at::manual_seed(3);
  Layer layer = make_layer(at::randn({9000}), true, device, 0, 0);
  layer.step.gradient = at::full({9000}, std::nan(""), at::TensorOptions().dtype(at::kFloat)).to(device);
  layer.step.refresh = thresholds;
  const at::Tensor kept = counts_of({layer}, device);
  const at::Tensor ones = kept.clone();
  StepOptions options;
  options.proceed = at::zeros({}, at::TensorOptions().dtype(at::kBool).device(device));
  step_layers({layer.step}, options, kept);
  CHECK(at::equal(layer.step.weight.shadow.cpu().to(at::kDouble), layer.shadow));
  CHECK(at::equal(layer.step.weight.mask.cpu(), layer.mask));
  CHECK(at::equal(kept, ones));
}

TEST_ON_DEVICES("a step without a mask is SGD with momentum and weight decay") {
  const at::Tensor parameter = at::tensor({1.0f, -2.0f, 0.5f}).to(device);
  const at::Tensor momentum = at::tensor({0.5f, 0.0f, -1.0f}).to(device);
  StepOptions options;
  options.momentum = 0.5f;
  options.weight_decay = 0.1f;
  options.gradient_scale = at::full({}, 2.0f, at::TensorOptions().dtype(at::kFloat).device(device));
  const LayerStep layer{{parameter, {}, momentum, {}}, at::tensor({1.0f, 2.0f, 0.0f}).to(device), 0.1f, {}, 0};
  step_layers({layer}, options, at::zeros({1}, at::TensorOptions().dtype(at::kLong).device(device)));
  CHECK(at::allclose(momentum.cpu(), at::tensor({2.35f, 3.8f, -0.45f})));
  CHECK(at::allclose(parameter.cpu(), at::tensor({0.765f, -2.38f, 0.545f})));
}

TEST_ON_DEVICES("a NaN weight keeps its mask, on a vector and past the last one") {
  const at::Tensor values = at::full({7}, std::nanf(""));
  Layer layer = make_layer(values, true, device, 0, 0);
  layer.step.weight.mask.copy_(at::tensor({1, 0, 1, 0, 0, 1, 0}, at::kByte));
  layer.step.gradient = at::ones({7}).to(device);
  layer.step.refresh = thresholds;
  const at::Tensor kept = at::full({1}, 3, at::TensorOptions().dtype(at::kLong).device(device));
  step_layers({layer.step}, {}, kept);
  CHECK(at::equal(layer.step.weight.mask.cpu(), at::tensor({1, 0, 1, 0, 0, 1, 0}, at::kByte)));
  CHECK_EQUAL(kept.item<int64_t>(), 3);
  CHECK_EQUAL(layer.step.weight.parameter[1].item<float>(), 0.0f);
}

TEST_ON_DEVICES("tensors that do not fit together are refused by name") {
  const at::Tensor good = at::zeros({4, 4}).to(device);
  const at::Tensor mask = at::ones({4, 4}, at::TensorOptions().dtype(at::kByte).device(device));
  const at::Tensor kept = at::zeros({1}, at::TensorOptions().dtype(at::kLong).device(device));
  const auto step = [&](const MaskedWeight& weight, const at::Tensor& gradient, int64_t index = 0) {
    step_layers({{weight, gradient, 0.1f, {}, index}}, {}, kept);
  };
  CHECK_THROWS(std::invalid_argument, "mask has the wrong dtype", step({good, good, good, good}, good));
  CHECK_THROWS(std::invalid_argument, "gradient has the wrong shape", step({good, good, good, mask}, good.view({16})));
  CHECK_THROWS(std::invalid_argument, "momentum has another memory layout", step({good, good, good.t(), mask}, good));
  CHECK_THROWS(std::invalid_argument, "kept has no entry", step({good, good, good, mask}, good, 1));
}

}  // namespace finepune::test
