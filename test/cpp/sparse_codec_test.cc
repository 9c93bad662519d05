#include <random>

#include "check.h"
#include "ops/error.h"
#include "sparse/codec.h"

namespace finepune::test {
namespace {

std::vector<float> random_dense(std::mt19937& generator, size_t count, double density) {
  std::uniform_real_distribution<double> uniform;
  std::vector<float> dense(count, 0.0f);
  for (float& value : dense) {
    if (uniform(generator) < density) value = static_cast<float>(uniform(generator) + 0.1);
  }
  return dense;
}

}  // namespace

TEST("sparse coding gives back every tensor, over sizes and densities") {
  std::mt19937 generator(1);
  for (const size_t count : {0, 1, 7, 8, 9, 1000, 100003}) {
    for (const double density : {0.0, 0.0005, 0.02, 0.2, 0.9, 1.0}) {
      const std::vector<float> dense = random_dense(generator, count, density);
      const SparseValues sparse = encode_sparse(dense);
      std::vector<float> decoded(count, 7.0f);
      decode_sparse(sparse.encoding, sparse.positions, sparse.values, decoded);
      CHECK(decoded == dense);
      // Never more than a bit an entry.
      CHECK(sparse.positions.size() <= (count + 7) / 8);
    }
  }
}

TEST("gaps are taken where they are smaller, and long gaps survive") {
  std::vector<float> dense(5'000'000, 0.0f);
  dense[0] = 1;
  dense[127 + 1] = 2;
  dense[20000] = 3;
  dense[4'999'999] = 4;
  const SparseValues sparse = encode_sparse(dense);
  CHECK(sparse.encoding == PositionEncoding::gaps);
  CHECK_EQUAL(sparse.positions.size(), size_t{1 + 1 + 3 + 4});
  std::vector<float> decoded(dense.size());
  decode_sparse(sparse.encoding, sparse.positions, sparse.values, decoded);
  CHECK(decoded == dense);
}

TEST("damaged positions are refused") {
  const std::vector<float> two = {1, 2};
  std::vector<float> dense(20);
  using Bytes = std::vector<uint8_t>;
  const auto gaps = [&](Bytes bytes) { decode_sparse(PositionEncoding::gaps, bytes, two, dense); };
  const auto bitmask = [&](Bytes bytes) { decode_sparse(PositionEncoding::bitmask, bytes, two, dense); };
  CHECK_THROWS(Error, "end early", gaps({3}));
  CHECK_THROWS(Error, "end early", gaps({3, 0x80}));
  CHECK_THROWS(Error, "past the end", gaps({3, 16}));
  CHECK_THROWS(Error, "left over", gaps({3, 4, 5}));
  CHECK_THROWS(Error, "fewest bytes", gaps({3, 0x84, 0}));
  CHECK_THROWS(Error, "too long", gaps({3, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1}));
  CHECK_THROWS(Error, "bytes of bitmask", bitmask({3, 0}));
  CHECK_THROWS(Error, "marks 3 entries", bitmask({7, 0, 0}));
  CHECK_THROWS(Error, "past the end", bitmask({1, 0, 0x10}));
  CHECK_THROWS(Error, "cannot stand", check_sparse(PositionEncoding::gaps, {}, 21, 20));
}

TEST("random bytes either decode to as many non-zeros as there are values or are refused") {
  std::mt19937 generator(5);
  int decoded = 0;
  for (int round = 0; round < 200000; ++round) {
    std::vector<uint8_t> bytes(generator() % 6);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(generator() % 4 == 0 ? generator() : generator() % 12);
    const std::vector<float> values(generator() % 5, 1.5f);
    std::vector<float> dense(generator() % 45);
    const auto encoding = generator() % 2 == 0 ? PositionEncoding::gaps : PositionEncoding::bitmask;
    try {
      decode_sparse(encoding, bytes, values, dense);
    } catch (const Error&) {
      continue;
    }
    ++decoded;
    size_t ones = 0;
    for (const float value : dense) ones += value == 1.5f ? 1 : 0;
    CHECK_EQUAL(ones, values.size());
  }
  CHECK(decoded > 100);
}

}  // namespace finepune::test
