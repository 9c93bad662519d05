// Where each value of a program lies in one stretch of memory that is used again as values die.
#pragma once

#include <cstdint>
#include <vector>

#include "serve/program.h"

namespace finepune::serve {

struct MemoryPlan {
  // In pixels, from the start of the stretch, or of the kept values' memory.
  std::vector<int64_t> offsets;
  // Values that live past a linear layer, which all images enter together: each image (or group of images) has its own.
  std::vector<bool> kept;
  // Of the input planes that a step's convolution copies, or -1.
  std::vector<int64_t> copies;
  int64_t pixels = 0, kept_pixels = 0;
};

// The value that holds `value`'s memory.
int64_t root_of(const Program& program, int64_t value);
// From the start of that value, in pixels.
int64_t offset_in_root(const Program& program, int64_t value);
// Pixels of the planes that a convolution copies its input to; 0 where it reads it as it lies.
int64_t copied_pixels(const Program& program, const Step& step);

MemoryPlan plan_memory(const Program& program);

}  // namespace finepune::serve
