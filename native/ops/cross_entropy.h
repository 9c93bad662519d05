// The loss of training and its gradient at once, on a GPU: apart they are six kernels that each take longer to begin than
// to run.
#pragma once

#include <ATen/core/Tensor.h>

namespace finepune {

struct ScoredLogits {
  at::Tensor loss;      // float32 []
  at::Tensor gradient;  // of the loss by the logits, as they
};

// The mean over images of the cross entropy of `logits` [N, classes], float32 and contiguous on a CUDA device, with `labels`
// int64 [N] in [0, classes), there too; `label_smoothing` in [0, 1) is the share of a target that goes to all classes alike
// (Szegedy et al., CVPR 2016, section 7; as PyTorch's cross_entropy). A logit that is not finite gives a loss that is not.
// Queued on the current stream; sums are taken in one order. Throws Error("E_DEVICE") where a launch is refused.
ScoredLogits cross_entropy(const at::Tensor& logits, const at::Tensor& labels, double label_smoothing);

}  // namespace finepune
