// What tests of emulated kernels share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <type_traits>
#include <vector>

#include <cuda_bf16.h>

#include "check.h"
#include "emulation.h"
#include "ops/cuda/element.h"

namespace finepune::test {

// Memory of a kernel between values that it must not change, and that are NaN to who reads them. `shift` values too far
// for its vectors.
template <typename T>
class Memory {
 public:
  explicit Memory(size_t count, size_t shift = 0) : count_(count), shift_(shift), values_(2 * kGuard + count + shift) {
    std::memset(static_cast<void*>(values_.data()), emulation::kPoison, values_.size() * sizeof(T));
  }
  explicit Memory(const std::vector<T>& values, size_t shift = 0) : Memory(values.size(), shift) {
    std::copy(values.begin(), values.end(), data());
  }

  T* data() { return values_.data() + kGuard + shift_; }

  // Fails where something beside the values has changed.
  std::vector<T> values() const {
    const auto begin = values_.begin() + static_cast<ptrdiff_t>(kGuard + shift_);
    const auto end = begin + static_cast<ptrdiff_t>(count_);
    const auto check = [](auto from, auto to) {
      for (; from != to; ++from) {
        T poison;
        std::memset(static_cast<void*>(&poison), emulation::kPoison, sizeof poison);
        CHECK(std::memcmp(&*from, &poison, sizeof poison) == 0);
      }
    };
    check(values_.begin(), begin);
    check(end, values_.end());
    return {begin, end};
  }

 private:
  // A multiple of every vector.
  static constexpr size_t kGuard = 64;
  size_t count_, shift_;
  std::vector<T> values_;
};

template <typename T>
bool same_bits(const std::vector<T>& left, const std::vector<T>& right) {
  return left.size() == right.size() && std::memcmp(left.data(), right.data(), left.size() * sizeof(T)) == 0;
}

template <typename T>
T stored(float value) {
  if constexpr (std::is_same_v<T, float>) {
    return value;
  } else {
    return __float2bfloat16(value);
  }
}

inline float loaded(float value) { return value; }
inline float loaded(__nv_bfloat16 value) { return __bfloat162float(value); }

template <typename T>
constexpr cuda::Element element_of = std::is_same_v<T, float> ? cuda::Element::float32 : cuda::Element::bfloat16;

template <typename T = float>
std::vector<T> random_values(std::mt19937& generator, int64_t count) {
  std::normal_distribution<float> normal;
  std::vector<T> values(static_cast<size_t>(count));
  for (T& value : values) value = stored<T>(normal(generator));
  return values;
}

// From -3 to 3: products and sums of them are exact, in any order, in float32 and in what tensor cores and bfloat16 hold.
inline std::vector<float> small_integers(std::mt19937& generator, int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = static_cast<float>(static_cast<int>(generator() % 7) - 3);
  return values;
}

}  // namespace finepune::test
