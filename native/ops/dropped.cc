#include "ops/dropped.h"

#include "ops/error.h"

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
  throw Error("E_DEVICE", "this build computes on the CPU only; use device cpu");
}

#endif

}  // namespace finepune
