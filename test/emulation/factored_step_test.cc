// The step that multiplies its gradient itself, beside the step that is given it.
#include "ops/cuda/factored_step_kernel.h"

#include "support.h"

namespace finepune::test {
namespace {

using namespace cuda;

std::vector<float> seeded_values(size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  return random_values(generator, static_cast<int64_t>(count));
}

struct Weight {
  Weight(size_t count, bool is_masked)
      : shadow(seeded_values(count, 1)), momentum(seeded_values(count, 2)), parameter(shadow), mask(count), masked(is_masked) {
    for (size_t i = 0; i < count; ++i) mask.data()[i] = std::fabs(shadow.data()[i]) >= 0.3f ? 1 : 0;
  }

  StepLayer layer(bool refresh) {
    return {.parameter = masked ? parameter.data() : shadow.data(),
            .shadow = shadow.data(),
            .momentum = momentum.data(),
            .gradient = nullptr,
            .mask = masked ? mask.data() : nullptr,
            .kept = masked ? &kept : nullptr,
            .count = static_cast<int64_t>(shadow.values().size()),
            .learning_rate = 0.01f,
            .thresholds = {0.45f, 0.55f},
            .refresh = refresh};
  }

  bool operator==(const Weight& other) const {
    return same_bits(shadow.values(), other.shadow.values()) && same_bits(momentum.values(), other.momentum.values()) &&
           same_bits(parameter.values(), other.parameter.values()) && same_bits(mask.values(), other.mask.values()) &&
           kept == other.kept;
  }

  Memory<float> shadow, momentum, parameter;
  Memory<uint8_t> mask;
  int64_t kept = 100;
  bool masked;
};

struct Factors {
  Factors(std::vector<float> output_values, std::vector<float> input_values, int64_t images)
      : outputs(std::move(output_values)),
        inputs(std::move(input_values)),
        sizes{outputs.data(), inputs.data(), images, static_cast<int32_t>(outputs.size() / images),
              static_cast<int32_t>(inputs.size() / images)} {}

  std::vector<float> product() const {
    std::vector<float> gradient(static_cast<size_t>(sizes.output_count) * sizes.input_count, 0.0f);
    for (int64_t n = 0; n < sizes.images; ++n) {
      for (int o = 0; o < sizes.output_count; ++o) {
        for (int i = 0; i < sizes.input_count; ++i) {
          gradient[static_cast<size_t>(o) * sizes.input_count + i] +=
              outputs[n * sizes.output_count + o] * inputs[n * sizes.input_count + i];
        }
      }
    }
    return gradient;
  }

  std::vector<float> outputs, inputs;
  StepFactors sizes;
};

Factors whole_factors(int64_t images, int64_t outputs, int64_t inputs) {
  std::mt19937 generator(5);
  std::vector<float> values = small_integers(generator, images * outputs);
  return {std::move(values), small_integers(generator, images * inputs), images};
}

struct Place {
  PrunedEntries pruned;
  bool masked, refresh;
};

void check_same_step(const Factors& factors, const Place& place) {
  const float scale = 0.5f;
  const bool proceed = true;
  const StepShared shared{0.9f, 1e-3f, &scale, &proceed, place.pruned};
  const size_t count = static_cast<size_t>(factors.sizes.output_count) * factors.sizes.input_count;
  Weight whole(count, place.masked), start = whole;
  const std::vector<float> gradient = factors.product();
  StepLayer layer = whole.layer(place.refresh);
  layer.gradient = gradient.data();
  launch_step({layer}, shared, nullptr);
  CHECK(!(whole == start));
  emulation::for_each_schedule([&] {
    Weight factored = start;
    const StepLayer row = factored.layer(place.refresh);
    CHECK(can_step_with(row, factors.sizes));
    launch_factored_step(row, factors.sizes, shared, nullptr);
    CHECK(factored == whole);
  });
}

TEST("emulated factored step: the bits of the step with the product, for tiles cut off and several chunks of images") {
  for (const auto& [images, outputs, inputs] : {std::array{1, 4, 4}, {33, 128, 128}, {64, 132, 260}, {97, 200, 124}}) {
    const Factors factors = whole_factors(images, outputs, inputs);
    check_same_step(factors, {PrunedEntries::learning, true, true});
    check_same_step(factors, {PrunedEntries::frozen, true, false});
    check_same_step(factors, {PrunedEntries::learning, false, false});
  }
}

TEST("emulated factored step: a gradient is a sum of products of tensor_float32 in float32") {
  const Factors factors(seeded_values(40 * 16, 8), seeded_values(40 * 24, 9), 40);
  Weight weight(16 * 24, false);
  StepLayer layer = weight.layer(false);
  layer.learning_rate = 1.0f;
  launch_factored_step(layer, factors.sizes, {0.0f, 0.0f, nullptr, nullptr, PrunedEntries::learning}, nullptr);
  const std::vector<float> gradient = weight.momentum.values();
  double most = 0;
  for (int o = 0; o < 16; ++o) {
    for (int i = 0; i < 24; ++i) {
      double sum = 0, size = 0;
      for (int n = 0; n < 40; ++n) {
        const double product = double{factors.outputs[n * 16 + o]} * factors.inputs[n * 24 + i];
        sum += product;
        size += std::abs(product);
      }
      const double error = std::abs(gradient[o * 24 + i] - sum);
      most = std::max(most, error);
      // Both sides of a product are off by up to 2^-10.
      CHECK(error <= size * 0x1p-9);
    }
  }
  CHECK(most > 1e-5);
}

TEST("emulated factored step: a step that must not proceed changes nothing; NaN comes through") {
  Factors factors = whole_factors(8, 8, 8);
  Weight weight(64, true), start = weight;
  bool proceed = false;
  StepShared shared{0.9f, 0.0f, nullptr, &proceed, PrunedEntries::learning};
  launch_factored_step(weight.layer(true), factors.sizes, shared, nullptr);
  CHECK(weight == start);
  proceed = true;
  factors.outputs[3] = std::nanf("");
  launch_factored_step(weight.layer(true), factors.sizes, shared, nullptr);
  const std::vector<float> shadow = weight.shadow.values();
  for (int i = 0; i < 64; ++i) CHECK_EQUAL(std::isnan(shadow[i]), i / 8 == 3);
}

TEST("emulated factored step: rows that do not lie on vectors are not taken") {
  Weight weight(80, true);
  alignas(16) const float values[100] = {};
  const StepLayer layer = weight.layer(false);
  CHECK(can_step_with(layer, {values, values, 1, 8, 8}));
  CHECK(!can_step_with(layer, {values, values, 1, 6, 8}));
  CHECK(!can_step_with(layer, {values, values, 1, 8, 10}));
  CHECK(!can_step_with(layer, {values + 1, values, 1, 8, 8}));
  StepLayer moved = layer;
  ++moved.momentum;
  CHECK(!can_step_with(moved, {values, values, 1, 8, 8}));
}

}  // namespace
}  // namespace finepune::test
