// Gradient clipping as a factor, so that no pass over the gradients is spent on it.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

namespace finepune {

// min(1, clip_norm / (norm + 1e-6)), norm the 2-norm over all gradients together (torch.nn.utils.clip_grad_norm_), as one
// float32 value on their device. `clip_norm` above 0; gradients float32, all on one device. `square_sum`: over the squares
// of the entries of gradients that are not at hand, float64 [], there too; undefined for none. At least one gradient of
// either kind. On a GPU nothing waits for it.
at::Tensor clip_scale(const std::vector<at::Tensor>& gradients, double clip_norm, const at::Tensor& square_sum = {});

// The same of the sum over the squares of all entries, float64 []: below 0, where rounding left it, it counts as 0, and NaN
// gives NaN. Nothing waits for it.
at::Tensor scale_for_square_sum(const at::Tensor& square_sum, double clip_norm);

}  // namespace finepune
