// Times of work that is queued on a device.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

#include <ATen/ATen.h>

namespace finepune::bench {

// Seconds of one call, of `repeats` in a row; `last` is what the device writes last.
template <typename Call>
double seconds_of(const Call& call, const at::Tensor& last, int repeats) {
  last.flatten()[0].item();
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < repeats; ++i) call();
  last.flatten()[0].item();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / repeats;
}

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace finepune::bench
