// Weights of a convolution with three rows of taps, transformed for Winograd's minimal filtering F(4, 3) down the
// columns: see run_winograd.cc.
#pragma once

#include <cstdint>
#include <span>

#include "serve/aligned.h"
#include "serve/row_block.h"

namespace finepune::serve {

// Rows of taps, of output that are computed together, and products for them.
constexpr int64_t kWinogradTaps = 3, kWinogradRows = 4, kWinogradPoints = 6;

struct WinogradWeights {
  // [point][as the direct form is packed, with one row of taps]
  AlignedFloats packed;

  // `direct`: [column][row] in blocks of rows as Weights packs them, `taps` of each channel row by row. Transformed in
  // float64.
  static WinogradWeights of(std::span<const float> direct, int64_t taps, std::span<const RowBlock> blocks,
                            int64_t channels);

  // Floats of one point.
  int64_t point_floats() const { return packed.count() / kWinogradPoints; }
  int64_t bytes() const { return packed.count() * 4; }
};

}  // namespace finepune::serve
