// The windows of a pooling node: MaxPool and AveragePool {kernel_shape, strides, pads, ceil_mode}.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "attributes.h"

namespace finepune {

// Output sizes are those of Caffe and PyTorch: with ceil_mode a last, partly filled window counts only if it starts
// inside the image or its leading padding.
struct PoolWindows {
  std::array<int64_t, 2> kernel, strides;
  Padding padding;
  bool ceil_mode = false;
  // [height, width] of input and output.
  std::array<int64_t, 2> input, output;

  int64_t leading(size_t side) const { return side == 0 ? padding.top : padding.left; }
  int64_t trailing(size_t side) const { return side == 0 ? padding.bottom : padding.right; }

  // Whether libtorch's pooling takes this padding as it is: the same on both sides and at most half the kernel.
  bool is_librarys() const {
    return padding.symmetric() && 2 * padding.top <= kernel[0] && 2 * padding.left <= kernel[1];
  }

  // Cells along one side of the window at `place` that an average divides by.
  int64_t cells(size_t side, int64_t place, bool count_padding) const {
    const int64_t begin = place * strides[side] - leading(side);
    const int64_t end = begin + kernel[side];
    if (count_padding) return std::min(end, input[side] + trailing(side)) - begin;
    return std::min(end, input[side]) - std::max<int64_t>(begin, 0);
  }
};

// Throws std::invalid_argument naming the node where its attributes do not fit `input` [channels, height, width].
PoolWindows read_pool_windows(const GraphNode& node, const Shape& input);

}  // namespace finepune
