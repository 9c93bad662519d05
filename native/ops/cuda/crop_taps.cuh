// The taps of a resized image's rows and columns: the triangle filter of write_crop.cc, bit by bit.
#pragma once

#include <cstdint>

namespace finepune::cuda {

// The inputs [first, last) that one output entry reads through the triangle filter of write_crop.cc.
struct Taps {
  int64_t first, last;
  double center, support, total;
};

__device__ inline double triangle(const Taps& taps, int64_t k) {
  return fmax(0.0, 1.0 - fabs((static_cast<double>(k) + 0.5 - taps.center) / taps.support));
}

// Of output entry `place` of `output`, from `input` entries.
__device__ inline Taps taps_of(int64_t input, int64_t output, int64_t place) {
  const double scale = static_cast<double>(input) / static_cast<double>(output);
  Taps taps;
  taps.support = fmax(scale, 1.0);
  taps.center = (static_cast<double>(place) + 0.5) * scale;
  const int64_t first = static_cast<int64_t>(taps.center - taps.support + 0.5);
  const int64_t last = static_cast<int64_t>(taps.center + taps.support + 0.5);
  taps.first = first < 0 ? 0 : first;
  taps.last = last > input ? input : last;
  taps.total = 0;
#pragma unroll 1
  for (int64_t k = taps.first; k < taps.last; ++k) taps.total += triangle(taps, k);
  return taps;
}

__device__ inline float weight_of(const Taps& taps, int64_t k) {
  return static_cast<float>(triangle(taps, k) / taps.total);
}

}  // namespace finepune::cuda
