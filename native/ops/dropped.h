// Dropout in one pass, on a GPU.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace finepune {

// Which values are dropped: a function of the seed, of `label` and of a value's place in memory alone, as on the CPU.
struct Dropping {
  // Share dropped, in [0, 1); the others are multiplied by 1 / (1 - ratio).
  double ratio;
  // Tells the nodes of a network apart.
  uint64_t label;
};

// `values`, on a CUDA device, float32 or bfloat16, dense in some memory order, which the result has too. `seed`: int64
// [1], there, read when the work queued on the current stream comes to it. Throws Error("E_DEVICE") where the launch is
// refused.
at::Tensor drop_values(const at::Tensor& values, const Dropping& dropping, const at::Tensor& seed);

}  // namespace finepune
