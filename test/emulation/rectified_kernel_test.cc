#include "ops/cuda/rectified_kernel.h"

#include "support.h"

namespace finepune::test {
namespace {

// Channels that fill packs of both types, of one and of none; more than one block's columns; no pixels.
struct Shape {
  int64_t pixels;
  int32_t channels;
};
constexpr Shape kShapes[] = {{0, 5}, {1, 1}, {7, 3}, {33, 4}, {100, 8}, {65, 12}, {50, 37}, {29, 140}, {9, 264}, {11000, 3}};

size_t index_of(const Shape& shape, int64_t pixel, int32_t channel) {
  return static_cast<size_t>(pixel * shape.channels + channel);
}

template <typename T>
void check_rectify(const Shape& shape, bool has_bias) {
  std::mt19937 generator(7);
  std::vector<T> sums = random_values<T>(generator, shape.pixels * shape.channels);
  std::vector<float> bias = random_values(generator, shape.channels);
  if (!sums.empty()) sums[0] = stored<T>(std::nanf(""));
  std::vector<T> expected;
  for (size_t i = 0; i < sums.size(); ++i) {
    const float sum = loaded(sums[i]) + (has_bias ? bias[i % static_cast<size_t>(shape.channels)] : 0.0f);
    expected.push_back(stored<T>(sum <= 0.0f ? 0.0f : sum));
  }
  emulation::for_each_schedule([&] {
    Memory<T> memory(sums);
    Memory<float> shifts(bias);
    cuda::launch_rectify({element_of<T>, 1, shape.channels}, shape.pixels, memory.data(),
                         has_bias ? shifts.data() : nullptr, nullptr);
    CHECK(same_bits(memory.values(), expected));
  });
}

// What launch_keep_gradients reads.
template <typename T>
struct Gradients {
  std::vector<T> gradients, outputs;
  std::vector<uint8_t> places;

  explicit Gradients(const Shape& shape) {
    std::mt19937 generator(8);
    gradients = random_values<T>(generator, shape.pixels * shape.channels);
    outputs = random_values<T>(generator, shape.pixels * shape.channels);
    for (size_t i = 0; i < outputs.size(); ++i) places.push_back(i % 3 == 0 ? 255 : static_cast<uint8_t>(generator() % 9));
    for (size_t i = 0; i < outputs.size(); i += 5) outputs[i] = stored<T>(0.0f);
    if (!outputs.empty()) outputs.back() = stored<T>(std::nanf(""));
  }

  bool counts(size_t i, bool by_output) const { return by_output ? !(loaded(outputs[i]) <= 0.0f) : places[i] != 255; }
};

template <typename T>
void check_sums(const Shape& shape, const Gradients<T>& all, bool by_output, const std::vector<float>& sums) {
  for (int32_t channel = 0; channel < shape.channels; ++channel) {
    double sum = 0, size = 0;
    for (int64_t pixel = 0; pixel < shape.pixels; ++pixel) {
      const size_t i = index_of(shape, pixel, channel);
      if (!all.counts(i, by_output)) continue;
      sum += static_cast<double>(loaded(all.gradients[i]));
      size += std::abs(static_cast<double>(loaded(all.gradients[i])));
    }
    CHECK_NEAR(sums[static_cast<size_t>(channel)], sum, 1e-6 * size);
  }
}

template <typename T>
void check_keep(const Shape& shape, bool by_output, bool wants_result) {
  const Gradients<T> all(shape);
  std::vector<T> expected;
  for (size_t i = 0; i < all.gradients.size(); ++i) {
    expected.push_back(all.counts(i, by_output) ? all.gradients[i] : stored<T>(0.0f));
  }
  std::vector<float> first;
  emulation::for_each_schedule([&] {
    Memory<T> gradients(all.gradients), outputs(all.outputs), result(all.gradients.size());
    Memory<uint8_t> places(all.places);
    const auto channels = static_cast<size_t>(shape.channels);
    const auto partials = static_cast<size_t>(cuda::partial_sums(shape.pixels, shape.channels));
    Memory<float> scratch(partials * channels), sums(channels);
    const cuda::KeptGradients kept{gradients.data(), by_output ? outputs.data() : nullptr, places.data(),
                                   wants_result ? result.data() : nullptr};
    cuda::launch_keep_gradients({element_of<T>, 1, shape.channels}, shape.pixels, kept, scratch.data(), sums.data(), nullptr);
    if (wants_result) CHECK(same_bits(result.values(), expected));
    check_sums(shape, all, by_output, sums.values());
    scratch.values();
    // Added up in one order.
    if (first.empty()) first = sums.values();
    CHECK(same_bits(sums.values(), first));
  });
}

}  // namespace

TEST("emulated rectifier: bias and rectifier in one pass, rounded once") {
  for (const Shape& shape : kShapes) {
    for (const bool has_bias : {true, false}) {
      check_rectify<float>(shape, has_bias);
      check_rectify<__nv_bfloat16>(shape, has_bias);
    }
  }
}

TEST("emulated rectifier: gradients that count are kept and summed, by outputs or by places") {
  for (const Shape& shape : kShapes) {
    for (const bool by_output : {true, false}) {
      for (const bool wants_result : {true, false}) {
        check_keep<float>(shape, by_output, wants_result);
        check_keep<__nv_bfloat16>(shape, by_output, wants_result);
      }
    }
  }
}

TEST("emulated rectifier: without sums only gradients are written") {
  const Shape shape{70, 12};
  const Gradients<float> all(shape);
  Memory<float> gradients(all.gradients), outputs(all.outputs), result(all.gradients.size());
  cuda::launch_keep_gradients({cuda::Element::float32, 1, shape.channels}, shape.pixels,
                              {gradients.data(), outputs.data(), nullptr, result.data()}, nullptr, nullptr, nullptr);
  const std::vector<float> values = result.values();
  for (size_t i = 0; i < values.size(); ++i) CHECK_EQUAL(values[i], all.counts(i, true) ? all.gradients[i] : 0.0f);
}

}  // namespace finepune::test
