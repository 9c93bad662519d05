// Tensors for the tests of the codec, and what they should take.
#pragma once

#include <cmath>
#include <cstring>
#include <map>
#include <random>
#include <span>
#include <vector>

#include "sparse/codec.h"

namespace finepune::test {

inline std::vector<float> random_dense(std::mt19937& generator, size_t count, double density) {
  std::uniform_real_distribution<double> uniform;
  std::vector<float> dense(count, 0.0f);
  for (float& value : dense) {
    if (uniform(generator) < density) value = static_cast<float>(uniform(generator) + 0.1);
  }
  return dense;
}

inline std::vector<float> random_normal(std::mt19937& generator, size_t count, double density) {
  std::uniform_real_distribution<double> uniform;
  std::normal_distribution<float> normal(0.0f, 0.03f);
  std::vector<float> dense(count, 0.0f);
  for (float& value : dense) {
    if (uniform(generator) < density) value = normal(generator);
  }
  return dense;
}

inline bool same_bits(const std::vector<float>& left, const std::vector<float>& right) {
  return left.size() == right.size() &&
         (left.empty() || std::memcmp(left.data(), right.data(), left.size() * sizeof(float)) == 0);
}

inline std::vector<float> coded_and_decoded(const std::vector<float>& dense, const EncodeOptions& options) {
  std::vector<float> decoded(dense.size(), 7.0f);
  decode_tensor(encode_tensor(dense, options), decoded, options.threads);
  return decoded;
}

// n H(p) for the positions, 23 mantissa bits and the entropy of sign and exponent for each value.
inline double bound_bits(const std::vector<float>& dense) {
  std::map<uint32_t, double> upper;
  double kept = 0;
  for (const float value : dense) {
    uint32_t pattern;
    std::memcpy(&pattern, &value, sizeof(pattern));
    if (pattern == 0) continue;
    ++upper[pattern >> 23];
    ++kept;
  }
  const auto count = static_cast<double>(dense.size());
  const double p = kept / count;
  double bits = p > 0 && p < 1 ? -count * (p * std::log2(p) + (1 - p) * std::log2(1 - p)) : 0;
  for (const auto& [_, times] : upper) bits += times * (23 - std::log2(times / kept));
  return bits;
}

}  // namespace finepune::test
