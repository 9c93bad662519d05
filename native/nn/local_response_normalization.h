// LRN as one differentiable function; torch's own goes through a 3-d average pooling and is many times slower.
#pragma once

#include <ATen/core/Tensor.h>

#include "local_response_kernel.h"

namespace finepune {

// `images` [N, C, H, W] normalised across channels (formula in local_response_kernel.h), in channels_last memory and
// the input's type; computed in float32. Differentiable once.
at::Tensor local_response_normalization(const at::Tensor& images, const LocalResponse& rule);

}  // namespace finepune
