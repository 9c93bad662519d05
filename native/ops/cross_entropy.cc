#include "ops/cross_entropy.h"

#include "ops/lack_cuda.h"

#ifdef FINEPUNE_WITH_CUDA
#include "ops/cuda/operators.h"
#endif

namespace finepune {

#ifdef FINEPUNE_WITH_CUDA

ScoredLogits cross_entropy(const at::Tensor& logits, const at::Tensor& labels, double label_smoothing) {
  return cuda::cross_entropy(logits, labels, label_smoothing);
}

#else

ScoredLogits cross_entropy(const at::Tensor&, const at::Tensor&, double) { lack_cuda(); }

#endif

}  // namespace finepune
