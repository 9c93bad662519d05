// Mutated coded tensors, and what decoding one must do: give a tensor or throw E_MODEL_FILE.
//
// An input is the number of entries (uint16, little-endian), then the coded bytes.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "ops/error.h"
#include "sparse/codec.h"
#include "sparse/quantize.h"
#include "sparse_support.h"

namespace finepune::test {

using FuzzInput = std::vector<uint8_t>;

inline FuzzInput fuzz_input(const std::vector<float>& dense, const EncodeOptions& options) {
  FuzzInput input = {static_cast<uint8_t>(dense.size()), static_cast<uint8_t>(dense.size() >> 8)};
  const std::vector<uint8_t> coded = encode_tensor(dense, options);
  input.insert(input.end(), coded.begin(), coded.end());
  return input;
}

// Every branch of the format: one and several blocks, one and two states, classes, codebooks, dropped bits, odd values.
inline std::vector<FuzzInput> fuzz_corpus() {
  std::mt19937 generator(11);
  std::vector<FuzzInput> corpus;
  for (const double density : {0.0, 0.01, 0.1, 0.5, 1.0}) {
    corpus.push_back(fuzz_input(random_normal(generator, 1500, density), {}));
    corpus.push_back(fuzz_input(random_normal(generator, 1500, density), {.block_length = 400}));
  }
  corpus.push_back(fuzz_input(random_normal(generator, 5000, 0.9), {}));
  std::vector<float> largest = random_normal(generator, 1500, 1.0);
  for (float& value : largest) value = std::abs(value) > 0.06f ? value : 0;
  corpus.push_back(fuzz_input(largest, {}));
  std::vector<float> striped = random_normal(generator, 4000, 1.0);
  for (size_t i = 0; i < striped.size(); ++i) {
    if (i % 40 % 5 != 0 || generator() % 3 == 0) striped[i] = 0;
  }
  corpus.push_back(fuzz_input(striped, {.row_length = 40}));
  corpus.push_back(fuzz_input(striped, {.row_length = 40, .block_length = 1000}));
  std::vector<float> half = random_normal(generator, 2000, 0.2);
  round_to_half(half);
  corpus.push_back(fuzz_input(half, {}));
  for (const uint32_t bits : {2u, 4u, 6u}) {
    std::vector<float> rounded = random_normal(generator, 2000, 0.2);
    const std::vector<float> codebook = round_to_codebook(rounded, bits);
    corpus.push_back(fuzz_input(rounded, {.block_length = 700, .codebook = codebook}));
  }
  std::vector<float> odd(600, 0.0f);
  for (float& value : odd) {
    const uint32_t pattern = generator() % 3 == 0 ? generator() : generator() % 2 << 31;
    std::memcpy(&value, &pattern, sizeof(value));
  }
  corpus.push_back(fuzz_input(odd, {}));
  return corpus;
}

// One to a few changes: bits flipped, bytes set, cut, doubled, spliced from another input.
inline FuzzInput mutated(const std::vector<FuzzInput>& corpus, std::mt19937& generator) {
  const auto below = [&generator](size_t bound) { return static_cast<size_t>(generator() % std::max<size_t>(1, bound)); };
  FuzzInput input = corpus[below(corpus.size())];
  for (size_t change = 1 + below(4); change > 0; --change) {
    // Headers are short: half of the changes go to the first bytes.
    const size_t at = below(generator() % 2 == 0 ? std::min<size_t>(input.size(), 24) : input.size());
    switch (below(7)) {
      case 0:
      case 1:
        if (!input.empty()) input[at] ^= static_cast<uint8_t>(1u << below(8));
        break;
      case 2:
      case 3:
        if (!input.empty()) {
          constexpr uint8_t kOdd[] = {0, 1, 0x7F, 0x80, 0xFF};
          input[at] = generator() % 2 == 0 ? kOdd[below(5)] : static_cast<uint8_t>(generator());
        }
        break;
      case 4:
        input.resize(at);
        break;
      case 5:
        input.insert(input.begin() + static_cast<ptrdiff_t>(at), 1 + below(8), static_cast<uint8_t>(generator()));
        break;
      default: {
        const FuzzInput& other = corpus[below(corpus.size())];
        const size_t from = below(other.size());
        const size_t count = std::min(other.size() - from, below(64));
        input.resize(std::max(input.size(), at + count));
        std::copy_n(other.begin() + static_cast<ptrdiff_t>(from), count, input.begin() + static_cast<ptrdiff_t>(at));
      }
    }
  }
  return input;
}

enum class FuzzOutcome { decoded, refused };

// Throws std::runtime_error for any behaviour but those two. A tensor that was decoded must survive being coded again.
inline FuzzOutcome decode_fuzz_input(std::span<const uint8_t> input) {
  if (input.size() < 2) return FuzzOutcome::refused;
  std::vector<float> dense(static_cast<size_t>(input[0] | input[1] << 8));
  // In memory of its own, so that a read past either end is seen.
  const std::vector<uint8_t> coded(input.begin() + 2, input.end());
  try {
    decode_tensor(coded, dense, 1);
  } catch (const Error& error) {
    if (std::string(error.code()) != "E_MODEL_FILE") throw std::runtime_error(std::string("threw ") + error.code());
    return FuzzOutcome::refused;
  }
  if (!same_bits(coded_and_decoded(dense, {.row_length = dense.size() / 20}), dense)) {
    throw std::runtime_error("a decoded tensor did not survive coding");
  }
  return FuzzOutcome::decoded;
}

}  // namespace finepune::test
