#include "serve/column_weights.h"

namespace finepune::serve {

ColumnWeights ColumnWeights::of(std::span<const float> dense, int64_t rows, int64_t columns) {
  ColumnWeights weights;
  weights.starts.assign(static_cast<size_t>(columns + 1), 0);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = 0; column < columns; ++column) {
      if (dense[row * columns + column] != 0) ++weights.starts[column + 1];
    }
  }
  for (int64_t column = 0; column < columns; ++column) weights.starts[column + 1] += weights.starts[column];
  weights.rows.resize(static_cast<size_t>(weights.starts.back()));
  weights.values.resize(weights.rows.size());
  std::vector<int64_t> next(weights.starts.begin(), weights.starts.end() - 1);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = 0; column < columns; ++column) {
      const float value = dense[row * columns + column];
      if (value == 0) continue;
      const int64_t entry = next[column]++;
      weights.rows[entry] = static_cast<uint16_t>(row);
      weights.values[entry] = value;
    }
  }
  return weights;
}

int64_t ColumnWeights::bytes() const {
  return static_cast<int64_t>(starts.size()) * 8 + static_cast<int64_t>(rows.size()) * 6;
}

}  // namespace finepune::serve
