// Division by a number that a whole launch shares: a GPU divides integers in twenty instructions or more, and multiplies
// them in one.
#pragma once

#include <cstdint>

namespace finepune::cuda {

// Granlund and Montgomery, Division by Invariant Integers using Multiplication (1994), figure 4.1. Of numbers below 2^31,
// by a divisor of 1 to 2^31 - 1.
struct Divisor {
  uint32_t value, multiplier, shift;
};

inline Divisor divisor_of(int64_t value) {
  uint32_t shift = 0;
  while ((int64_t{1} << shift) < value) ++shift;
  const auto divisor = static_cast<uint64_t>(value);
  const uint64_t multiplier = ((((uint64_t{1} << shift) - divisor) << 32) / divisor) + 1;
  return {static_cast<uint32_t>(value), static_cast<uint32_t>(multiplier), shift};
}

__device__ inline uint32_t quotient(uint32_t number, const Divisor& divisor) {
  return (__umulhi(number, divisor.multiplier) + number) >> divisor.shift;
}

// The place of an index in an array [...][rows][columns][entries].
struct ArrayPlace {
  int image, row, column, entry;
};

struct ArrayDivisors {
  Divisor rows, columns, entries;
};

__device__ inline ArrayPlace place_of(uint32_t index, const ArrayDivisors& divisors) {
  const uint32_t pixel = quotient(index, divisors.entries);
  const uint32_t line = quotient(pixel, divisors.columns);
  const uint32_t image = quotient(line, divisors.rows);
  return {static_cast<int>(image), static_cast<int>(line - image * divisors.rows.value),
          static_cast<int>(pixel - line * divisors.columns.value),
          static_cast<int>(index - pixel * divisors.entries.value)};
}

}  // namespace finepune::cuda
