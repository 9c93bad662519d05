#include "ops/tally.h"

#include "ops/lack_cuda.h"

#ifdef FINEPUNE_WITH_CUDA
#include "ops/cuda/operators.h"
#endif

namespace finepune {

#ifdef FINEPUNE_WITH_CUDA

void tally_step(const at::Tensor& loss, const at::Tensor& logits, const at::Tensor& labels, int64_t index,
                const Tally& tally) {
  cuda::tally_step(loss, logits, labels, index, tally);
}

#else

void tally_step(const at::Tensor&, const at::Tensor&, const at::Tensor&, int64_t, const Tally&) {
  lack_cuda();
}

#endif

}  // namespace finepune
