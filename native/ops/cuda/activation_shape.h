// Activations as the kernels take them; no libtorch here.
#pragma once

#include <cstdint>

#include "ops/cuda/element.h"

namespace finepune::cuda {

// Activations [pixels][channels] of one element type.
struct ActivationShape {
  Element element;
  int64_t images;
  int32_t channels;
};

}  // namespace finepune::cuda
