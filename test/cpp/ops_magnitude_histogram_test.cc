#include <bit>
#include <numeric>

#include <ATen/ATen.h>

#include "check.h"
#include "devices.h"
#include "ops/magnitude_histogram.h"

namespace finepune::test {

TEST_ON_DEVICES("a histogram counts every weight once, in the bin of its magnitude, by its mask") {
  at::manual_seed(4);
  const at::Tensor shadow = at::randn({3000, 1000});
  const at::Tensor mask = at::randint(0, 2, {3000, 1000}, at::kByte);
  const MagnitudeHistogram histogram = magnitude_histogram(shadow.to(device), mask.to(device));
  CHECK_EQUAL(histogram.kept.size(), size_t{MagnitudeHistogram::bins});
  CHECK_EQUAL(std::accumulate(histogram.kept.begin(), histogram.kept.end(), int64_t{0}), mask.sum().item<int64_t>());
  CHECK_EQUAL(std::accumulate(histogram.pruned.begin(), histogram.pruned.end(), int64_t{0}),
              shadow.numel() - mask.sum().item<int64_t>());
  // Weights at or above a bin's lower edge, counted directly.
  for (const float threshold : {0.25f, 0.5f, 1.0f, 1.5f}) {
    const uint32_t bin = std::bit_cast<uint32_t>(threshold) >> 16;
    const int64_t counted = std::accumulate(histogram.kept.begin() + bin, histogram.kept.end(), int64_t{0});
    const int64_t expected = at::logical_and(at::ge(shadow.abs(), threshold), mask.to(at::kBool)).sum().item<int64_t>();
    CHECK_EQUAL(counted, expected);
  }
}

TEST_ON_DEVICES("a histogram without a mask counts everything as kept") {
  const at::Tensor shadow = at::tensor({0.0f, -0.0f, 1.0f, -1.0f});
  const MagnitudeHistogram histogram = magnitude_histogram(shadow.to(device), {});
  CHECK_EQUAL(histogram.kept[0], 2u);
  CHECK_EQUAL(histogram.kept[std::bit_cast<uint32_t>(1.0f) >> 16], 2u);
}

}  // namespace finepune::test
