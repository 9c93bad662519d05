#include "ops/cuda/histogram_kernel.h"

#include <limits>

#include "support.h"

namespace finepune::test {

TEST("emulated histogram: every weight is counted once, in the bin of its magnitude and its mask") {
  constexpr size_t bins = 32768;
  std::mt19937 generator(4);
  for (const int64_t count : {0, 1, 31, 32, 33, 255, 257, 1000, 5003}) {
    std::vector<float> weight = random_values(generator, count);
    std::vector<uint8_t> mask;
    for (int64_t i = 0; i < count; ++i) mask.push_back(generator() % 2);
    // Many equal ones, and the ends.
    for (size_t i = 0; i < weight.size(); i += 3) weight[i] = i % 2 == 0 ? 0.0f : -0.0f;
    if (count > 100) weight[50] = std::nanf(""), weight[51] = -std::numeric_limits<float>::infinity();
    for (const bool masked : {true, false}) {
      std::vector<uint32_t> expected(2 * bins, 5);
      for (size_t i = 0; i < weight.size(); ++i) {
        uint32_t bits;
        std::memcpy(&bits, &weight[i], sizeof bits);
        ++expected[(!masked || mask[i] != 0 ? bins : 0) + (bits << 1 >> 17)];
      }
      emulation::for_each_schedule([&] {
        Memory<float> weights(weight);
        Memory<uint8_t> masks(mask);
        Memory<uint32_t> result(std::vector<uint32_t>(2 * bins, 5));
        cuda::launch_histogram(weights.data(), masked ? masks.data() : nullptr, count, result.data(), nullptr);
        CHECK(result.values() == expected);
      });
    }
  }
}

}  // namespace finepune::test
