#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "check.h"
#include "ops/error.h"
#include "sparse/codec.h"
#include "sparse/quantize.h"
#include "sparse_support.h"

namespace finepune::test {

TEST("sparse coding gives back every tensor bit for bit, over sizes, densities, blocks and threads") {
  std::mt19937 generator(1);
  for (const size_t count : {0, 1, 2, 15, 16, 17, 1000, 100003}) {
    for (const double density : {0.0, 0.0005, 0.02, 0.2, 0.9, 1.0}) {
      const std::vector<float> dense = random_dense(generator, count, density);
      for (const size_t block : {size_t{0}, size_t{1}, size_t{777}}) {
        if (block == 1 && count > 1000) continue;
        CHECK(same_bits(coded_and_decoded(dense, {.row_length = 0, .block_length = block, .threads = 3}), dense));
      }
    }
  }
}

TEST("zeros with a sign, NaN payloads, infinities and denormals survive") {
  std::vector<float> dense(4096, 0.0f);
  const uint32_t patterns[] = {0x80000000, 0x00000001, 0x80000001, 0x007FFFFF, 0x7FC00000, 0x7F800001,
                               0xFFFFFFFF, 0x7F800000, 0xFF800000, 0x7F7FFFFF, 0x3F800000, 0x00800000};
  for (size_t i = 0; i < std::size(patterns); ++i) dense[i * 100 + 7] = std::bit_cast<float>(patterns[i]);
  CHECK(same_bits(coded_and_decoded(dense, {}), dense));
  for (float& value : dense) {
    if (value == 0.0f) value = -0.0f;
  }
  CHECK(same_bits(coded_and_decoded(dense, {}), dense));
  std::mt19937 generator(2);
  for (float& value : dense) value = std::bit_cast<float>(static_cast<uint32_t>(generator()));
  CHECK(same_bits(coded_and_decoded(dense, {}), dense));
}

TEST("very long gaps survive") {
  std::vector<float> dense(20'000'000, 0.0f);
  for (const size_t place : {size_t{0}, size_t{128}, size_t{20000}, size_t{19'999'999}}) dense[place] = 1.5f;
  CHECK(same_bits(coded_and_decoded(dense, {.block_length = 20'000'000}), dense));
  CHECK(same_bits(coded_and_decoded(dense, {.threads = 2}), dense));
}

TEST("random tensors take within 3% of the entropy of positions and values") {
  std::mt19937 generator(3);
  for (const double density : {0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5}) {
    const std::vector<float> dense = random_normal(generator, 200'000, density);
    const double ratio = 8.0 * static_cast<double>(encode_tensor(dense, {}).size()) / bound_bits(dense);
    CHECK_NEAR(ratio, 1.0, 0.015);
  }
}

// The smallest layer of all networks, where 123 non-zeros are all that models can learn from.
TEST("a layer of 12,288 weights at 1%, random or the largest, takes within 3% of the entropy") {
  std::mt19937 generator(5);
  const size_t count = 12'288, kept = 123;
  for (int scale = 0; scale < 20; ++scale) {
    std::vector<float> dense = random_normal(generator, count, 1.0);
    // Powers of two fall at other places among the magnitudes.
    for (float& value : dense) value *= 1 + 0.05f * static_cast<float>(scale);
    std::vector<float> magnitudes;
    for (const float value : dense) magnitudes.push_back(std::abs(value));
    std::nth_element(magnitudes.begin(), magnitudes.end() - kept, magnitudes.end());
    const float threshold = *(magnitudes.end() - kept);
    std::vector<float> random = dense;
    for (size_t i = 0; i < count; ++i) {
      if (std::abs(dense[i]) < threshold) dense[i] = 0;
      if (generator() % 100 != 0) random[i] = 0;
    }
    for (const std::vector<float>& tensor : {dense, random}) {
      CHECK(8.0 * static_cast<double>(encode_tensor(tensor, {}).size()) < 1.03 * bound_bits(tensor));
      CHECK(same_bits(coded_and_decoded(tensor, {}), tensor));
    }
  }
}

TEST("columns and rows that are kept more often than others cost less than chance") {
  std::mt19937 generator(4);
  std::uniform_real_distribution<double> uniform;
  std::vector<float> by_column = random_normal(generator, 200 * 1000, 1.0);
  std::vector<float> by_row = by_column;
  std::vector<double> often(1000);
  for (double& share : often) share = uniform(generator) < 0.3 ? 0.2 : 0.005;
  for (size_t i = 0; i < by_column.size(); ++i) {
    if (uniform(generator) > often[i % 1000]) by_column[i] = 0;
    if (uniform(generator) > often[i / 1000]) by_row[i] = 0;
  }
  const auto bits = [](const std::vector<float>& dense, size_t row_length) {
    const std::vector<uint8_t> bytes = encode_tensor(dense, {.row_length = row_length});
    std::vector<float> decoded(dense.size());
    decode_tensor(bytes, decoded, 2);
    CHECK(same_bits(decoded, dense));
    return 8.0 * static_cast<double>(bytes.size());
  };
  CHECK(bits(by_column, 1000) < 0.98 * bound_bits(by_column));
  CHECK(bits(by_column, 1000) < bits(by_column, 0));
  CHECK(bits(by_row, 1000) < 0.98 * bound_bits(by_row));
}

TEST("classes, several blocks and whole rows go together") {
  std::mt19937 generator(5);
  std::vector<float> dense = random_normal(generator, 300 * 500, 1.0);
  for (size_t i = 0; i < dense.size(); ++i) {
    if (i % 500 % 3 != 0 || generator() % 4 != 0) dense[i] = 0;
  }
  for (const size_t block : {1, 501, 20000, 10'000'000}) {
    CHECK(same_bits(coded_and_decoded(dense, {.row_length = 500, .block_length = block, .threads = 2}), dense));
  }
}

TEST("values with few mantissa bits take few bits") {
  std::mt19937 generator(6);
  std::vector<float> dense = random_normal(generator, 50'000, 0.1);
  const size_t exact = encode_tensor(dense, {}).size();
  round_to_half(dense);
  CHECK(same_bits(coded_and_decoded(dense, {}), dense));
  CHECK(static_cast<double>(encode_tensor(dense, {}).size()) < 0.65 * static_cast<double>(exact));
  const std::vector<float> codebook = round_to_codebook(dense, 4);
  CHECK(codebook.size() <= 16);
  CHECK(same_bits(coded_and_decoded(dense, {.codebook = codebook}), dense));
  CHECK(static_cast<double>(encode_tensor(dense, {.codebook = codebook}).size()) < 0.3 * static_cast<double>(exact));
}

TEST("float16 rounds to nearest, ties to even, and refuses what it cannot hold") {
  std::vector<float> values = {1.0f,     1.0f + 0x1p-11f, 1.0f + 3 * 0x1p-11f, 0x1p-24f, 0x1p-26f, -0.0f,
                               65504.0f, 65519.0f};
  round_to_half(values);
  const std::vector<float> expected = {1.0f, 1.0f, 1.0f + 0x1p-9f, 0x1p-24f, 0.0f, 0.0f, 65504.0f, 65504.0f};
  CHECK(same_bits(values, expected));
  std::vector<float> large = {65520.0f};
  CHECK_THROWS(Error, "past float16's largest", round_to_half(large));
}

TEST("codebooks hold the means of what they stand for, and keep every weight that was kept") {
  std::vector<float> values = {0, 1, 1, 3, -0.0f, -5, 0};
  const std::vector<float> codebook = round_to_codebook(values, 2);
  CHECK(same_bits(values, {0, 1, 1, 3, 0, -5, 0}));
  CHECK_EQUAL(codebook.size(), size_t{3});
  std::vector<float> balanced = {1, -1, 1, -1, 0, 2, -2};
  for (const uint32_t bits : {2u, 8u}) {
    std::vector<float> rounded = balanced;
    round_to_codebook(rounded, bits);
    for (size_t i = 0; i < balanced.size(); ++i) CHECK((rounded[i] == 0) == (balanced[i] == 0));
  }
  std::vector<float> none(5, -0.0f);
  CHECK_EQUAL(round_to_codebook(none, 2).size(), size_t{1});
  std::vector<float> bad = {1, std::numeric_limits<float>::infinity()};
  CHECK_THROWS(Error, "not a finite number", round_to_codebook(bad, 3));
  CHECK_THROWS(Error, "missing from the codebook", encode_tensor(std::vector<float>{1.5f}, {.codebook = codebook}));
}

TEST("damaged bytes are refused or give a tensor, and never another length of bytes") {
  std::mt19937 generator(7);
  const std::vector<float> dense = random_dense(generator, 3000, 0.1);
  const std::vector<uint8_t> bytes = encode_tensor(dense, {.row_length = 30, .block_length = 900});
  std::vector<float> decoded(dense.size());
  for (size_t length = 0; length < bytes.size(); ++length) {
    CHECK_THROWS(Error, "damaged", decode_tensor(std::span(bytes).first(length), decoded, 1));
  }
  std::vector<uint8_t> longer = bytes;
  longer.push_back(0);
  CHECK_THROWS(Error, "damaged", decode_tensor(longer, decoded, 1));
  std::vector<float> other(dense.size() + 1);
  CHECK_THROWS(Error, "damaged", decode_tensor(bytes, other, 1));
  int refused = 0;
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::vector<uint8_t> flipped = bytes;
    flipped[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    try {
      decode_tensor(flipped, decoded, 2);
    } catch (const Error& error) {
      CHECK_EQUAL(std::string(error.code()), std::string("E_MODEL_FILE"));
      ++refused;
    }
  }
  CHECK(refused > 0);
}

}  // namespace finepune::test
