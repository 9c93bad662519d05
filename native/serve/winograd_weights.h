// Weights of a convolution with three or five rows of taps, transformed for Winograd's minimal filtering F(4, 3) or
// F(4, 5) down the columns: see winograd_rows.h.
#pragma once

#include <cstdint>
#include <span>

#include "serve/aligned.h"
#include "serve/row_block.h"

namespace finepune::serve {

// Rows of output that are computed together, and products for them.
constexpr int64_t kWinogradRows = 4;
constexpr bool has_winograd(int64_t tap_rows) { return tap_rows == 3 || tap_rows == 5; }
constexpr int64_t winograd_points(int64_t tap_rows) { return kWinogradRows + tap_rows - 1; }

struct WinogradWeights {
  int64_t points = 0;
  // [point][as the direct form is packed, with one row of taps]
  AlignedFloats packed;

  // `direct`: [column][row] in blocks of rows as Weights packs them, `taps` of each channel in `tap_rows` rows.
  // Transformed in float64.
  static WinogradWeights of(std::span<const float> direct, int64_t taps, int64_t tap_rows,
                            std::span<const RowBlock> blocks, int64_t channels);

  // Of one point.
  const float* point(int64_t number) const { return packed.data() + number * (packed.count() / points); }
  int64_t bytes() const { return packed.count() * 4; }
};

}  // namespace finepune::serve
