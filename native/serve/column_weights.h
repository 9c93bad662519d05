// The non-zeros of a linear layer column by column, so that those of an input that is zero are not read at all.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace finepune::serve {

struct ColumnWeights {
  // Column c has the entries [starts[c], starts[c + 1]).
  std::vector<int64_t> starts;
  std::vector<uint16_t> rows;
  std::vector<float> values;

  // Rows are kept in 16 bits.
  static constexpr int64_t kMostRows = 65536;

  // `dense`: [rows, columns], row-major; at most kMostRows rows.
  static ColumnWeights of(std::span<const float> dense, int64_t rows, int64_t columns);
  int64_t bytes() const;
};

}  // namespace finepune::serve
