#include "ops/mask.h"

#include <atomic>
#include <cmath>
#include <stdexcept>

#include <ATen/Parallel.h>

#include "ops/layout.h"

#ifdef FINEPUNE_WITH_CUDA
#include "ops/cuda/operators.h"
#endif

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

int64_t write_on_cpu(const MaskedLayer& layer) {
  float* product = layer.parameter.data_ptr<float>();
  const float* weight = layer.shadow.const_data_ptr<float>();
  uint8_t* kept = layer.mask.data_ptr<uint8_t>();
  const MaskThresholds thresholds = layer.thresholds;
  const auto write = [=](int64_t i, bool keep) {
    product[i] = keep ? weight[i] : 0.0f;
    return keep;
  };
  const int64_t count = layer.parameter.numel();
  switch (layer.use) {
    case MaskUse::refresh:
      return over_entries(count, [=](int64_t i) {
        const bool keep = hysteresis(weight[i], kept[i], thresholds);
        kept[i] = keep ? 1 : 0;
        return write(i, keep);
      });
    case MaskUse::candidate:
      return over_entries(count, [=](int64_t i) { return write(i, hysteresis(weight[i], kept[i], thresholds)); });
    case MaskUse::stored:
      return over_entries(count, [=](int64_t i) { return write(i, kept[i] != 0); });
  }
  return 0;
}

}  // namespace

std::vector<int64_t> write_masks(const std::vector<MaskedLayer>& layers) {
  for (const MaskedLayer& layer : layers) {
    check_same_layout(layer.parameter, layer.shadow, at::kFloat, "shadow");
    check_same_layout(layer.parameter, layer.mask, at::kByte, "mask");
    if (layer.parameter.device() != layers[0].parameter.device()) {
      throw std::invalid_argument("layers of one call lie on one device");
    }
  }
#ifdef FINEPUNE_WITH_CUDA
  if (!layers.empty() && layers[0].parameter.is_cuda()) return cuda::write_masks(layers);
#endif
  std::vector<int64_t> ones;
  for (const MaskedLayer& layer : layers) ones.push_back(write_on_cpu(layer));
  return ones;
}

}  // namespace finepune
