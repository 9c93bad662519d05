// Images as they come from a caller, on their way into the network's input planes.
#pragma once

#include <array>
#include <cstdint>

#include "serve/layout.h"

namespace finepune::serve {

// A batch of images: float32 [images][channels][height][width] already normalised, or uint8
// [images][stored_height][stored_width][channels], of which rows from `top` and columns from `left` on are taken and
// become value * factor[c] + shift[c], c counted in the network's order.
struct Images {
  int64_t count = 0;
  const float* floats = nullptr;
  const uint8_t* bytes = nullptr;
  int64_t stored_height = 0, stored_width = 0, top = 0, left = 0;
  std::array<int, 3> source{};
  std::array<float, 3> factor{}, shift{};
};

// Writes row `y` of channel `c` of the images [first, first + input.pixel) into the planes; those past the last image
// become zeros.
void load_row(const Images& images, int64_t first, const Planes& input, int64_t c, int64_t y);

}  // namespace finepune::serve
