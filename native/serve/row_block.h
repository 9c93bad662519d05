// How the direct form of the weights is packed.
#pragma once

#include <cstdint>

namespace finepune::serve {

// Rows that the dense kernel computes together, and where they lie in the packed weights: [column][row].
struct RowBlock {
  int64_t first, rows, offset;
};

}  // namespace finepune::serve
