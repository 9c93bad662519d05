// The step that multiplies its gradient itself, beside the step that is given it.
#include <cmath>
#include <cstring>
#include <vector>

#include "check.h"
#include "emulation.h"
#include "ops/counter_random.h"
#include "ops/cuda/factored_step_kernel.h"

namespace {

using namespace finepune;
using namespace finepune::cuda;

std::vector<float> random_values(size_t count, uint64_t seed) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) {
    values[i] = static_cast<float>(2 * uniform_open(random_bits(derive_stream(seed, 3), i)) - 1);
  }
  return values;
}

// Small integers, whose products and sums are exact.
std::vector<float> small_integers(size_t count, uint64_t seed) {
  std::vector<float> values = random_values(count, seed);
  for (float& value : values) value = std::round(3 * value);
  return values;
}

struct Weight {
  Weight(size_t count, bool is_masked)
      : shadow(random_values(count, 1)), momentum(random_values(count, 2)), parameter(shadow), masked(is_masked) {
    for (const float value : shadow) mask.push_back(std::fabs(value) >= 0.3f ? 1 : 0);
  }

  StepLayer layer(bool refresh) {
    return {.parameter = masked ? parameter.data() : shadow.data(),
            .shadow = shadow.data(),
            .momentum = momentum.data(),
            .gradient = nullptr,
            .mask = masked ? mask.data() : nullptr,
            .kept = masked ? &kept : nullptr,
            .count = static_cast<int64_t>(shadow.size()),
            .learning_rate = 0.01f,
            .thresholds = {0.45f, 0.55f},
            .refresh = refresh};
  }

  bool operator==(const Weight&) const = default;

  std::vector<float> shadow, momentum, parameter;
  std::vector<uint8_t> mask;
  int64_t kept = 100;
  bool masked;
};

struct Factors {
  Factors(int64_t image_count, int32_t output_count, int32_t input_count)
      : outputs(small_integers(static_cast<size_t>(image_count * output_count), 5)),
        inputs(small_integers(static_cast<size_t>(image_count * input_count), 6)),
        sizes{outputs.data(), inputs.data(), image_count, output_count, input_count} {}

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
    const Factors factors(images, outputs, inputs);
    check_same_step(factors, {PrunedEntries::learning, true, true});
    check_same_step(factors, {PrunedEntries::frozen, true, false});
    check_same_step(factors, {PrunedEntries::learning, false, false});
  }
}

TEST("emulated factored step: a gradient is a sum of products of tensor_float32 in float32") {
  Factors factors(40, 16, 24);
  factors.outputs = random_values(factors.outputs.size(), 8);
  factors.inputs = random_values(factors.inputs.size(), 9);
  factors.sizes.outputs = factors.outputs.data();
  factors.sizes.inputs = factors.inputs.data();
  Weight weight(16 * 24, false);
  const std::vector<float> old_shadow = weight.shadow;
  StepLayer layer = weight.layer(false);
  layer.learning_rate = 1.0f;
  launch_factored_step(layer, factors.sizes, {0.0f, 0.0f, nullptr, nullptr, PrunedEntries::learning}, nullptr);
  double most = 0;
  for (int o = 0; o < 16; ++o) {
    for (int i = 0; i < 24; ++i) {
      double sum = 0;
      for (int n = 0; n < 40; ++n) sum += double{factors.outputs[n * 16 + o]} * factors.inputs[n * 24 + i];
      most = std::max(most, std::abs(weight.momentum[o * 24 + i] - sum));
    }
  }
  // 40 products of up to 1, each of whose sides is off by up to 2^-10.
  CHECK(most > 1e-6);
  CHECK(most < 40 * 0x1p-9);
}

TEST("emulated factored step: a step that must not proceed changes nothing; NaN comes through") {
  Factors factors(8, 8, 8);
  Weight weight(64, true), start = weight;
  bool proceed = false;
  StepShared shared{0.9f, 0.0f, nullptr, &proceed, PrunedEntries::learning};
  launch_factored_step(weight.layer(true), factors.sizes, shared, nullptr);
  CHECK(weight == start);
  proceed = true;
  factors.outputs[3] = std::nanf("");
  launch_factored_step(weight.layer(true), factors.sizes, shared, nullptr);
  for (int o = 0; o < 8; ++o) {
    for (int i = 0; i < 8; ++i) CHECK_EQUAL(std::isnan(weight.shadow[o * 8 + i]), o == 3);
  }
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
