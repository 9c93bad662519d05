// Stands in for native/ops/cuda/tensor_cores.cuh, whose instructions only a GPU has; see there what each function does.
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

#include "ops/cuda/fragments.h"

namespace finepune::cuda {

inline uint32_t fragment_bits(float value) { return __float_as_uint(value); }

struct LaneProduct {
  SumFragment& sums;
  const LeftFragment& left;
  const RightFragment& right;
};

// Tensor cores do not read the bits behind the mantissa's tenth.
inline double tensor_value(uint32_t bits) { return static_cast<double>(__uint_as_float(bits & ~0x1fffu)); }

inline void multiply_add_warp(void* const* lanes) {
  double left[16][8], right[8][8];
  for (int lane = 0; lane < emulation::kLanes; ++lane) {
    if (lanes[lane] == nullptr) return emulation::fail("multiply_add needs every lane of the warp");
    const auto& own = *static_cast<const LaneProduct*>(lanes[lane]);
    const int group = lane / 4, place = lane % 4;
    for (int i = 0; i < 4; ++i) left[group + i % 2 * 8][place + i / 2 * 4] = tensor_value(own.left.values[i]);
    for (int i = 0; i < 2; ++i) right[place + i * 4][group] = tensor_value(own.right.values[i]);
  }
  for (int lane = 0; lane < emulation::kLanes; ++lane) {
    auto& own = *static_cast<LaneProduct*>(lanes[lane]);
    for (int i = 0; i < 4; ++i) {
      const int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
      double sum = static_cast<double>(own.sums.values[i]);
      for (int k = 0; k < 8; ++k) sum += left[row][k] * right[k][column];
      own.sums.values[i] = static_cast<float>(sum);
    }
  }
}

inline void multiply_add(SumFragment& sums, const LeftFragment& left, const RightFragment& right,
                         std::source_location site = std::source_location::current()) {
  LaneProduct own{sums, left, right};
  emulation::meet_warp(0xffffffffu, &own, &multiply_add_warp, site);
}

inline void begin_copy(float* shared, const float* from, bool valid) {
  emulation::begin_copy(shared, valid ? from : nullptr);
}

inline void end_copy_group() { emulation::end_copy_group(); }

template <int kGroups>
inline void wait_for_copies() {
  emulation::wait_for_copies(kGroups);
}

}  // namespace finepune::cuda
