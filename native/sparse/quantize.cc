#include "sparse/quantize.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

#include "ops/error.h"

namespace finepune {

namespace {

constexpr float kLargestHalf = 65504.0f;
// Halfway to what would be the next value, 65536: from here on rounding overflows.
constexpr float kHalfOverflow = 65520.0f;
constexpr int kIterations = 60;

float nearest_half(float value) {
  if (!std::isfinite(value)) return value;
  if (std::fabs(value) >= kHalfOverflow) {
    throw Error("E_WEIGHTS",
                "a weight of " + std::to_string(value) + " is past float16's largest, 65504; keep float32");
  }
  if (std::fabs(value) > kLargestHalf) return std::copysign(kLargestHalf, value);
  int exponent = 0;
  static_cast<void>(std::frexp(value, &exponent));
  // 11 significant bits, and none below 2^-24. Scaling by powers of two is exact; nearbyint rounds ties to even.
  const int unit = std::max(exponent - 11, -24);
  const float rounded = std::ldexp(std::nearbyint(std::ldexp(value, -unit)), unit);
  return rounded == 0.0f ? 0.0f : rounded;
}

// Means of the sorted values between consecutive bounds, `bounds` holding the first of each but the lowest.
class Clusters {
 public:
  explicit Clusters(std::vector<float> sorted) : sorted_(std::move(sorted)), sums_(sorted_.size() + 1) {
    for (size_t i = 0; i < sorted_.size(); ++i) sums_[i + 1] = sums_[i] + static_cast<double>(sorted_[i]);
  }

  std::vector<float> quantiles(size_t count) const {
    std::vector<float> means;
    for (size_t i = 0; i < count; ++i) means.push_back(sorted_[(2 * i + 1) * sorted_.size() / (2 * count)]);
    means.erase(std::unique(means.begin(), means.end()), means.end());
    return means;
  }

  // One step of Lloyd's: every mean moves to the mean of the values nearest to it; means without values go.
  std::vector<float> improve(const std::vector<float>& means) const {
    std::vector<float> improved;
    size_t begin = 0;
    for (size_t i = 0; i < means.size(); ++i) {
      const auto at = i + 1 < means.size()
                          ? std::lower_bound(sorted_.begin(), sorted_.end(), (means[i] + means[i + 1]) / 2)
                          : sorted_.end();
      const auto end = static_cast<size_t>(at - sorted_.begin());
      if (end <= begin) continue;
      improved.push_back(static_cast<float>((sums_[end] - sums_[begin]) / static_cast<double>(end - begin)));
      begin = end;
    }
    return improved;
  }

 private:
  std::vector<float> sorted_;
  std::vector<double> sums_;
};

float nearest(const std::vector<float>& means, float value) {
  const auto above = std::lower_bound(means.begin(), means.end(), value);
  if (above == means.begin()) return *above;
  if (above == means.end()) return means.back();
  return value - *(above - 1) < *above - value ? *(above - 1) : *above;
}

}  // namespace

void round_to_half(std::span<float> values) {
  for (float& value : values) value = nearest_half(value);
}

std::vector<float> round_to_codebook(std::span<float> values, uint32_t bits) {
  std::vector<float> nonzeros;
  for (const float value : values) {
    if (!std::isfinite(value)) throw Error("E_WEIGHTS", "a weight is not a finite number; keep float32 values");
    if (value != 0.0f) nonzeros.push_back(value);
  }
  if (nonzeros.empty()) {
    drop_zero_signs(values);
    return {1.0f};
  }
  std::sort(nonzeros.begin(), nonzeros.end());
  const Clusters clusters(std::move(nonzeros));
  std::vector<float> means = clusters.quantiles(size_t{1} << bits);
  for (int i = 0; i < kIterations; ++i) {
    std::vector<float> improved = clusters.improve(means);
    if (improved == means) break;
    means = std::move(improved);
  }
  // A mean of 0 would prune what it stands for.
  for (float& mean : means) {
    if (mean == 0.0f) mean = std::bit_cast<float>(0x00800000u);
  }
  std::sort(means.begin(), means.end());
  means.erase(std::unique(means.begin(), means.end()), means.end());
  for (float& value : values) value = value == 0.0f ? 0.0f : nearest(means, value);
  return means;
}

void drop_zero_signs(std::span<float> values) {
  for (float& value : values) value = value == 0.0f ? 0.0f : value;
}

}  // namespace finepune
