// Neighbouring channels of one pixel, read and written at once.
#pragma once

#include <cstdint>

#include "ops/cuda/activation_shape.h"
#include "ops/cuda/element.cuh"

namespace finepune::cuda {

template <typename T, int kCount>
struct alignas(sizeof(T) * kCount) Pack {
  T values[kCount];
};

template <int kCount, typename T>
__device__ inline Pack<T, kCount> load(const T* from, int64_t index) {
  return reinterpret_cast<const Pack<T, kCount>*>(from)[index];
}

template <typename T, int kCount>
__device__ inline void store(T* to, int64_t index, const Pack<T, kCount>& pack) {
  reinterpret_cast<Pack<T, kCount>*>(to)[index] = pack;
}

template <typename T>
constexpr int kPacked = 16 / static_cast<int>(sizeof(T));

template <int kCount>
struct Packed {
  static constexpr int count = kCount;
};

// Calls call(T{}, Packed<n>) with the element type, and with how many channels are taken at once.
template <typename Call>
void dispatch(const ActivationShape& shape, const Call& call) {
  if (shape.element == Element::float32) {
    if (shape.channels % kPacked<float> == 0) return call(float{}, Packed<kPacked<float>>{});
    return call(float{}, Packed<1>{});
  }
  if (shape.channels % kPacked<__nv_bfloat16> == 0) return call(__nv_bfloat16{}, Packed<kPacked<__nv_bfloat16>>{});
  return call(__nv_bfloat16{}, Packed<1>{});
}

}  // namespace finepune::cuda
