// A convolution's sums with what follows them in one pass, with autograd: on a GPU bias, rectifier and maximum pooling, on
// the CPU the last two.
#pragma once

#include <optional>

#include <ATen/core/Tensor.h>

#include "pool_windows.h"

namespace finepune {

// Whether a GPU pools by these windows in one pass.
bool has_pooled_sums(const PoolWindows& windows);

// Whether that is so of these `sums`, on a GPU or on the CPU.
bool has_pooled_sums(const at::Tensor& sums, const PoolWindows& windows);

// max(sums + bias, 0) of `sums` [N, C, H, W] on a GPU, whose memory may be overwritten, and `bias` float32 [C].
at::Tensor rectified_sums(const at::Tensor& sums, const std::optional<at::Tensor>& bias);

// The largest in each of the windows, of max(sums + bias, 0), or of sums + bias where `rectify` is false. The sums are
// not kept for the gradients. On the CPU there must be no bias.
at::Tensor pooled_sums(const at::Tensor& sums, const std::optional<at::Tensor>& bias, bool rectify,
                       const PoolWindows& windows);

}  // namespace finepune
