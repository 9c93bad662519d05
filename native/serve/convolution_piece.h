// What a piece of a convolution's work computes, and where it writes.
#pragma once

#include <cstdint>

#include "serve/layout.h"

namespace finepune::serve {

// Planes of the channels from `first_channel` on, of the rows from `first_row` on.
struct ConvolutionTarget {
  Planes planes;
  int64_t first_channel = 0, first_row = 0;
};

// Blocks of rows [first_block, last_block) of the weights, which are the output channels [first_row, last_row).
struct ConvolutionPiece {
  int64_t first_block, last_block, first_row, last_row;
};

}  // namespace finepune::serve
