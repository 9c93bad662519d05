#include "ops/cuda/step_kernel.h"

#include "ops/cpu/step_kernels.h"
#include "support.h"

namespace finepune::test {
namespace {

constexpr MaskThresholds kThresholds{0.45f, 0.55f};
constexpr float kMomentum = 0.9f, kDecay = 1e-2f, kScale = 0.37f;

// One layer, on the CPU and for the kernel.
struct Layer {
  std::vector<float> parameter, shadow, momentum, gradient;
  std::vector<uint8_t> mask;
  bool masked, refresh;
  float learning_rate;
  size_t shift;
};

void set_entry(Layer& layer, size_t i, float shadow, float gradient, uint8_t mask) {
  layer.shadow[i] = shadow;
  layer.parameter[i] = mask != 0 ? shadow : 0.0f;
  layer.momentum[i] = 0.0f;
  layer.gradient[i] = gradient;
  layer.mask[i] = mask;
}

Layer random_layer(std::mt19937& generator, int64_t count, bool masked, bool refresh, size_t shift) {
  Layer layer;
  layer.shadow = random_values(generator, count);
  layer.momentum = random_values(generator, count);
  layer.gradient = random_values(generator, count);
  for (const float value : layer.shadow) {
    layer.mask.push_back(generator() % 3 == 0 ? 0 : 1);
    layer.parameter.push_back(layer.mask.back() != 0 ? value : 0.0f);
  }
  layer.masked = masked;
  layer.refresh = refresh;
  layer.learning_rate = 0.01f * static_cast<float>(1 + generator() % 9);
  layer.shift = shift;
  if (count > 3) layer.shadow[3] = std::nanf("");
  if (count > 6) {
    // They stay at a threshold: without a mask nothing decays, with one the gradient takes the decay back.
    set_entry(layer, 5, kThresholds.upper, 0.0f, 0);
    set_entry(layer, 6, -kThresholds.lower, kThresholds.lower * kDecay, 1);
  }
  return layer;
}

// Odd sizes, more of them than one launch takes, some on no vector.
std::vector<Layer> random_layers(unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<Layer> layers;
  for (const int64_t count : {0, 1, 3, 4, 1023, 8192, 8193, 20011}) {
    for (const bool masked : {true, false}) {
      for (const bool refresh : {true, false}) {
        for (const size_t shift : {0, 1}) layers.push_back(random_layer(generator, count, masked, refresh, shift));
      }
    }
  }
  return layers;
}

struct LayerMemory {
  Memory<float> parameter, shadow, momentum, gradient;
  Memory<uint8_t> mask;
  int64_t kept = 0;

  explicit LayerMemory(const Layer& layer)
      : parameter(layer.parameter, layer.shift),
        shadow(layer.shadow, layer.shift),
        momentum(layer.momentum, layer.shift),
        gradient(layer.gradient, layer.shift),
        mask(layer.mask, layer.shift) {}
};

std::vector<LayerMemory> run_kernel(const std::vector<Layer>& layers, const cuda::StepShared& shared) {
  std::vector<LayerMemory> memories(layers.begin(), layers.end());
  std::vector<cuda::StepLayer> rows;
  for (size_t i = 0; i < layers.size(); ++i) {
    LayerMemory& memory = memories[i];
    const bool masked = layers[i].masked;
    memory.kept = std::count(layers[i].mask.begin(), layers[i].mask.end(), 1);
    rows.push_back({masked ? memory.parameter.data() : memory.shadow.data(), memory.shadow.data(), memory.momentum.data(),
                    memory.gradient.data(), masked ? memory.mask.data() : nullptr, &memory.kept,
                    static_cast<int64_t>(layers[i].shadow.size()), layers[i].learning_rate, kThresholds,
                    layers[i].refresh});
  }
  cuda::launch_step(rows, shared, nullptr);
  return memories;
}

void step_on_cpu(Layer& layer, float scale, PrunedEntries pruned) {
  float* shadow = layer.shadow.data();
  cpu::step_portable({layer.masked ? layer.parameter.data() : shadow, shadow, layer.momentum.data(), layer.gradient.data(),
                      layer.masked ? layer.mask.data() : nullptr, static_cast<int64_t>(layer.shadow.size()), false},
                     {layer.learning_rate, kMomentum, kDecay, scale}, pruned,
                     layer.masked && layer.refresh ? &kThresholds : nullptr);
}

void check_same(const std::vector<Layer>& layers, const std::vector<LayerMemory>& memories) {
  for (size_t i = 0; i < layers.size(); ++i) {
    CHECK(same_bits(memories[i].shadow.values(), layers[i].shadow));
    CHECK(same_bits(memories[i].momentum.values(), layers[i].momentum));
    CHECK(same_bits(memories[i].parameter.values(), layers[i].parameter));
    CHECK(memories[i].mask.values() == layers[i].mask);
    CHECK_EQUAL(memories[i].kept, std::count(layers[i].mask.begin(), layers[i].mask.end(), 1));
    CHECK(same_bits(memories[i].gradient.values(), layers[i].gradient));
  }
}

}  // namespace

TEST("emulated step: many layers, masked or not, get the bits of the CPU's step") {
  const std::vector<Layer> layers = random_layers(1);
  CHECK(layers.size() > 50);
  const bool proceed = true;
  for (const PrunedEntries pruned : {PrunedEntries::frozen, PrunedEntries::learning}) {
    for (const float scale : {1.0f, kScale}) {
      std::vector<Layer> expected = layers;
      for (Layer& layer : expected) step_on_cpu(layer, scale, pruned);
      emulation::for_each_schedule([&] {
        const float* factor = scale == 1.0f ? nullptr : &kScale;
        check_same(expected, run_kernel(layers, {kMomentum, kDecay, factor, &proceed, pruned}));
      });
    }
  }
}

TEST("emulated step: nothing changes once a step is not to proceed") {
  const std::vector<Layer> layers = random_layers(2);
  const bool proceed = false;
  check_same(layers, run_kernel(layers, {kMomentum, kDecay, nullptr, &proceed, PrunedEntries::frozen}));
}

}  // namespace finepune::test
