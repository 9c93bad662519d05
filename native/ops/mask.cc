#include "ops/mask.h"

#include <atomic>
#include <cmath>

#include <ATen/Parallel.h>

#include "ops/layout.h"

namespace finepune {

namespace {

// Calls entry(i) -> bool (kept) for every entry, and returns how many were kept.
template <typename Entry>
int64_t over_entries(int64_t count, const Entry& entry) {
  std::atomic<int64_t> total{0};
  at::parallel_for(0, count, 1 << 15, [&](int64_t begin, int64_t end) {
    int64_t ones = 0;
    for (int64_t i = begin; i < end; ++i) ones += entry(i) ? 1 : 0;
    total += ones;
  });
  return total;
}

inline bool hysteresis(float weight, uint8_t old, const MaskThresholds& thresholds) {
  const float size = std::fabs(weight);
  // A NaN, for which both comparisons are false, keeps its mask.
  return size >= thresholds.upper || (!(size < thresholds.lower) && old != 0);
}

void check(const at::Tensor& parameter, const at::Tensor& shadow, const at::Tensor& mask) {
  check_same_layout(parameter, shadow, at::kFloat, "shadow");
  check_same_layout(parameter, mask, at::kByte, "mask");
}

}  // namespace

int64_t refresh_mask(const at::Tensor& parameter, const at::Tensor& shadow, const at::Tensor& mask,
                     const MaskThresholds& thresholds) {
  check(parameter, shadow, mask);
  float* product = parameter.data_ptr<float>();
  const float* weight = shadow.const_data_ptr<float>();
  uint8_t* kept = mask.data_ptr<uint8_t>();
  return over_entries(parameter.numel(), [=](int64_t i) {
    const bool keep = hysteresis(weight[i], kept[i], thresholds);
    kept[i] = keep ? 1 : 0;
    product[i] = keep ? weight[i] : 0.0f;
    return keep;
  });
}

int64_t write_candidate(const at::Tensor& parameter, const at::Tensor& shadow, const at::Tensor& mask,
                        const MaskThresholds& thresholds) {
  check(parameter, shadow, mask);
  float* product = parameter.data_ptr<float>();
  const float* weight = shadow.const_data_ptr<float>();
  const uint8_t* kept = mask.const_data_ptr<uint8_t>();
  return over_entries(parameter.numel(), [=](int64_t i) {
    const bool keep = hysteresis(weight[i], kept[i], thresholds);
    product[i] = keep ? weight[i] : 0.0f;
    return keep;
  });
}

int64_t write_masked(const at::Tensor& parameter, const at::Tensor& shadow, const at::Tensor& mask) {
  check(parameter, shadow, mask);
  float* product = parameter.data_ptr<float>();
  const float* weight = shadow.const_data_ptr<float>();
  const uint8_t* kept = mask.const_data_ptr<uint8_t>();
  return over_entries(parameter.numel(), [=](int64_t i) {
    const bool keep = kept[i] != 0;
    product[i] = keep ? weight[i] : 0.0f;
    return keep;
  });
}

}  // namespace finepune
