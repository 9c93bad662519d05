// Counts of weights by magnitude, exact enough to place a threshold and cheap enough to take before every search.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

namespace finepune {

// Bin b counts |W| in [float(b << 16), float((b + 1) << 16)), by the upper 16 bits of the float32 pattern without its
// sign; 32,768 bins, of which the last 128 hold infinities and NaN. `kept` counts where T is 1, `pruned` the others.
struct MagnitudeHistogram {
  static constexpr int64_t bins = 32768;
  std::vector<uint32_t> kept;
  std::vector<uint32_t> pruned;
};

// `mask` undefined: everything is kept. Throws std::invalid_argument on tensors that do not fit together.
MagnitudeHistogram magnitude_histogram(const at::Tensor& shadow, const at::Tensor& mask);

}  // namespace finepune
