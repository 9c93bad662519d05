// Where the values of a maximum pooling came from, for kernels of CPU and GPU. Included by files compiled for other
// instruction sets than the rest, so it must bring in no inline code.
#pragma once

#include <cstdint>

namespace finepune {

// The place of a value that no cell gave; cells of a window are numbered below it.
constexpr uint8_t kNowhere = 255;

}  // namespace finepune
