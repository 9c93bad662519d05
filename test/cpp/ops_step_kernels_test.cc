#include <cstring>
#include <random>
#include <vector>

#include "check.h"
#include "ops/cpu/step_kernels.h"

namespace finepune::test {
namespace {

struct State {
  std::vector<float> parameter, shadow, momentum, gradient;
  std::vector<uint8_t> mask;
};

State random_state(std::mt19937& generator, size_t count) {
  std::normal_distribution<float> normal;
  State state;
  for (size_t i = 0; i < count; ++i) {
    state.shadow.push_back(normal(generator));
    state.mask.push_back(generator() % 3 == 0 ? 0 : 1);
    state.parameter.push_back(state.mask[i] != 0 ? state.shadow[i] : 0.0f);
  }
  state.momentum.assign(count, 0.0f);
  state.gradient.assign(count, 0.0f);
  return state;
}

void draw_gradient(std::mt19937& generator, State& state) {
  std::normal_distribution<float> normal;
  for (float& value : state.gradient) value = normal(generator);
}

int64_t step(cpu::StepKernel kernel, State& state, const StepRates& rates, PrunedEntries pruned,
             const MaskThresholds* refresh) {
  return kernel({state.parameter.data(), state.shadow.data(), state.momentum.data(), state.gradient.data(),
                 state.mask.data(), static_cast<int64_t>(state.shadow.size()), false},
                rates, pruned, refresh);
}

// The same step as its separate parts, one pass each, in float64.
struct Reference {
  std::vector<double> shadow, momentum;
  std::vector<uint8_t> mask;

  explicit Reference(const State& state)
      : shadow(state.shadow.begin(), state.shadow.end()),
        momentum(state.momentum.begin(), state.momentum.end()),
        mask(state.mask) {}

  void step(const std::vector<float>& gradient, const StepRates& rates, PrunedEntries pruned) {
    for (size_t i = 0; i < shadow.size(); ++i) {
      const double parameter = shadow[i] * mask[i];
      if (mask[i] == 0 && pruned == PrunedEntries::frozen) {
        momentum[i] = 0;
        continue;
      }
      const double total = static_cast<double>(gradient[i]) * rates.gradient_scale + rates.weight_decay * parameter;
      momentum[i] = rates.momentum * momentum[i] + total;
      shadow[i] -= rates.learning_rate * momentum[i];
    }
  }
};

bool same_bits(const State& left, const State& right) {
  const auto same = [](const auto& a, const auto& b) { return std::memcmp(a.data(), b.data(), a.size() * sizeof(a[0])) == 0; };
  return same(left.parameter, right.parameter) && same(left.shadow, right.shadow) &&
         same(left.momentum, right.momentum) && same(left.mask, right.mask);
}

}  // namespace

TEST("every instruction set gives the same bits as the portable step over 1,000 random steps with surgery") {
  int count = 0;
  const cpu::NamedStepKernel* kernels = cpu::step_kernels(&count);
  for (int k = 1; k < count; ++k) {
    std::mt19937 generator(1);
    // No multiple of a vector, so that the tail is walked too.
    State expected = random_state(generator, 1013);
    State actual = expected;
    for (int i = 0; i < 1000; ++i) {
      draw_gradient(generator, expected);
      actual.gradient = expected.gradient;
      const StepRates rates{0.01f * static_cast<float>(1 + i % 7), 0.9f, i % 5 == 0 ? 0.0f : 1e-3f,
                            i % 11 == 0 ? 0.37f : 1.0f};
      const MaskThresholds thresholds{0.45f, 0.55f};
      const MaskThresholds* refresh = i % 3 == 0 ? &thresholds : nullptr;
      const PrunedEntries pruned = i % 100 >= 80 ? PrunedEntries::frozen : PrunedEntries::learning;
      const int64_t left = step(kernels[0].kernel, expected, rates, pruned, refresh);
      const int64_t right = step(kernels[k].kernel, actual, rates, pruned, refresh);
      CHECK_EQUAL(left, right);
      if (!same_bits(expected, actual)) fail(__FILE__, __LINE__, std::string(kernels[k].name) + " differs at step " + std::to_string(i));
    }
  }
}

TEST("the fused step follows the plain sequence of its parts in float64 on every instruction set") {
  int count = 0;
  const cpu::NamedStepKernel* kernels = cpu::step_kernels(&count);
  for (int k = 0; k < count; ++k) {
    std::mt19937 generator(2);
    State state = random_state(generator, 203);
    Reference reference(state);
    for (int i = 0; i < 1000; ++i) {
      draw_gradient(generator, state);
      const StepRates rates{0.02f, 0.9f, 1e-3f, 0.5f};
      const MaskThresholds thresholds{0.4f, 0.6f};
      const PrunedEntries pruned = i % 50 >= 40 ? PrunedEntries::frozen : PrunedEntries::learning;
      const bool due = i % 4 == 0;
      const int64_t ones = step(kernels[k].kernel, state, rates, pruned, due ? &thresholds : nullptr);
      reference.step(state.gradient, rates, pruned);
      int64_t expected_ones = 0;
      for (size_t e = 0; e < state.shadow.size(); ++e) {
        CHECK_NEAR(state.shadow[e], reference.shadow[e], 1e-4 * (1 + std::abs(reference.shadow[e])));
        CHECK_NEAR(state.momentum[e], reference.momentum[e], 1e-4 * (1 + std::abs(reference.momentum[e])));
        if (due) {
          // On the step's own W: rounding may put the reference's on the other side of a threshold.
          const float size = std::abs(state.shadow[e]);
          if (size < thresholds.lower) reference.mask[e] = 0;
          if (size >= thresholds.upper) reference.mask[e] = 1;
        }
        CHECK_EQUAL(static_cast<int>(state.mask[e]), static_cast<int>(reference.mask[e]));
        CHECK_EQUAL(state.parameter[e], reference.mask[e] != 0 ? state.shadow[e] : 0.0f);
        expected_ones += reference.mask[e];
        // Only rounding of one step is held against the reference, not what a thousand steps make of it.
        reference.shadow[e] = state.shadow[e];
        reference.momentum[e] = state.momentum[e];
      }
      CHECK_EQUAL(ones, expected_ones);
    }
  }
}

TEST("a NaN weight keeps its mask and does not spread") {
  int count = 0;
  const cpu::NamedStepKernel* kernels = cpu::step_kernels(&count);
  for (int k = 0; k < count; ++k) {
    std::mt19937 generator(3);
    State state = random_state(generator, 40);
    state.mask[5] = 1;
    state.mask[6] = 0;
    state.shadow[5] = state.shadow[6] = std::nanf("");
    const MaskThresholds thresholds{0.4f, 0.6f};
    step(kernels[k].kernel, state, {0.1f, 0.9f, 1e-3f, 1.0f}, PrunedEntries::learning, &thresholds);
    CHECK_EQUAL(static_cast<int>(state.mask[5]), 1);
    CHECK_EQUAL(static_cast<int>(state.mask[6]), 0);
    CHECK_EQUAL(state.parameter[6], 0.0f);
    for (size_t i = 7; i < 40; ++i) CHECK(std::isfinite(state.shadow[i]));
  }
}

}  // namespace finepune::test
