// What one lane of a warp holds of a product of tensor cores, [16, 8] += left [16, 8] right [8, 8] (PTX ISA, "mma.m16n8k8").
#pragma once

#include <cstdint>

namespace finepune::cuda {

// With group = lane / 4 and place = lane % 4: left (group, place), (group + 8, place), (group, place + 4), (group + 8,
// place + 4); right (place, group), (place + 4, group); sums (group, 2 place), (group, 2 place + 1), (group + 8, 2 place),
// (group + 8, 2 place + 1). Left and right are the bits of float32.
struct LeftFragment {
  uint32_t values[4];
};
struct RightFragment {
  uint32_t values[2];
};
struct SumFragment {
  float values[4];
};

}  // namespace finepune::cuda
