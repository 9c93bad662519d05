#include "ops/dropped.h"

#include "ops/lack_cuda.h"

#ifdef FINEPUNE_WITH_CUDA
#include "ops/cuda/operators.h"
#endif

namespace finepune {

#ifdef FINEPUNE_WITH_CUDA

at::Tensor drop_values(const at::Tensor& values, const Dropping& dropping, const at::Tensor& seed) {
  return cuda::drop_values(values, dropping, seed);
}

#else

at::Tensor drop_values(const at::Tensor&, const Dropping&, const at::Tensor&) {
  lack_cuda();
}

#endif

}  // namespace finepune
