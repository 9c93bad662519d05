#include "ops/magnitude_histogram.h"

#include <bit>
#include <mutex>

#include <ATen/Parallel.h>

#include "ops/layout.h"

#ifdef FINEPUNE_WITH_CUDA
#include "ops/cuda/operators.h"
#endif

namespace finepune {

MagnitudeHistogram magnitude_histogram(const at::Tensor& shadow, const at::Tensor& mask) {
  check_same_layout(shadow, shadow, at::kFloat, "shadow");
  if (mask.defined()) check_same_layout(shadow, mask, at::kByte, "mask");
#ifdef FINEPUNE_WITH_CUDA
  if (shadow.is_cuda()) return cuda::magnitude_histogram(shadow, mask);
#endif
  constexpr int64_t bins = MagnitudeHistogram::bins;
  const float* weight = shadow.const_data_ptr<float>();
  const uint8_t* kept = mask.defined() ? mask.const_data_ptr<uint8_t>() : nullptr;
  // Row 0 pruned, row 1 kept.
  std::vector<uint32_t> total(2 * bins, 0);
  std::mutex mutex;
  at::parallel_for(0, shadow.numel(), 1 << 20, [&](int64_t begin, int64_t end) {
    std::vector<uint32_t> local(2 * bins, 0);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t bin = (std::bit_cast<uint32_t>(weight[i]) & 0x7FFFFFFFu) >> 16;
      const int64_t row = kept == nullptr || kept[i] != 0 ? bins : 0;
      ++local[row + bin];
    }
    const std::lock_guard lock(mutex);
    for (int64_t i = 0; i < 2 * bins; ++i) total[i] += local[i];
  });
  return {.kept = {total.begin() + bins, total.end()}, .pruned = {total.begin(), total.begin() + bins}};
}

}  // namespace finepune
