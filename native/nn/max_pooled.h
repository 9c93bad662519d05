// Maximum pooling by whatever computes it fastest here, with the rectifier before it. With autograd.
#pragma once

#include <ATen/core/Tensor.h>

#include "pool_windows.h"

namespace finepune {

// The largest in each window of `images` [N, C, H, W], any device and type, or of max(images, 0); NaN wins.
// max(max(x, 0), ...) is max(max(x, ...), 0), and so it is for the gradients: where a value is cut off, its window's is 0.
at::Tensor max_pooled(const at::Tensor& images, bool rectify, const PoolWindows& windows);

// `images` with borders of `value`, or cropped, so that unpadded pooling in floor mode has exactly these windows.
at::Tensor padded_for_windows(const at::Tensor& images, const PoolWindows& windows, double value);

}  // namespace finepune
