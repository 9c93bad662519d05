#include "sparse/column_classes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>

#include "sparse/nonzeros.h"
#include "sparse/parallel.h"

namespace finepune {

namespace {

constexpr size_t kPiece = size_t{1} << 20;
// Share of the positions' bits that sorting must save, by the estimate below.
constexpr double kLeastGain = 0.005;
// Density relative to the tensor's from which on a column is of the next class.
constexpr std::array<double, 5> kBounds = {0.25, 0.6, 1.4, 2.5, 5.0};

// Bits of `ones` among `all` Bernoulli trials, coded at their own mean.
double entropy_bits(double ones, double all) {
  if (ones <= 0 || ones >= all) return 0;
  const double p = ones / all;
  return -all * (p * std::log2(p) + (1 - p) * std::log2(1 - p));
}

}  // namespace

std::vector<uint8_t> column_classes(std::span<const uint32_t> patterns, size_t row_length, uint64_t nonzeros,
                                    unsigned threads) {
  const size_t rows = patterns.size() / row_length;
  if (rows < 8 || nonzeros == 0) return {};
  std::vector<uint64_t> kept(row_length);
  std::mutex mutex;
  const size_t piece = std::max<size_t>(1, kPiece / row_length);
  parallel_pieces((rows + piece - 1) / piece, threads, [&](size_t i) {
    std::vector<uint32_t> counted(row_length);
    for (size_t row = i * piece; row < std::min(rows, (i + 1) * piece); ++row) {
      for_each_nonzero(patterns.subspan(row * row_length, row_length),
                       [&](size_t column, uint32_t) { ++counted[column]; });
    }
    const std::lock_guard lock(mutex);
    for (size_t column = 0; column < row_length; ++column) kept[column] += counted[column];
  });
  const double density = static_cast<double>(nonzeros) / static_cast<double>(patterns.size());
  const auto expected = density * static_cast<double>(rows);
  std::vector<uint8_t> classes(row_length);
  std::array<double, kBounds.size() + 1> ones{};
  std::array<double, kBounds.size() + 1> columns{};
  for (size_t column = 0; column < row_length; ++column) {
    // Half a weight drawn from the tensor's density, for columns of few rows.
    const double relative = (static_cast<double>(kept[column]) + 0.5) / (expected + 0.5);
    size_t chosen = 0;
    while (chosen < kBounds.size() && relative >= kBounds[chosen]) ++chosen;
    classes[column] = static_cast<uint8_t>(chosen);
    ones[chosen] += static_cast<double>(kept[column]);
    ++columns[chosen];
  }
  double sorted = 0;
  for (size_t i = 0; i < ones.size(); ++i) {
    sorted += entropy_bits(ones[i], columns[i] * static_cast<double>(rows));
    if (columns[i] > 0) sorted -= columns[i] * std::log2(columns[i] / static_cast<double>(row_length));
  }
  const double plain = entropy_bits(static_cast<double>(nonzeros), static_cast<double>(patterns.size()));
  if (sorted > (1 - kLeastGain) * plain) return {};
  return classes;
}

}  // namespace finepune
