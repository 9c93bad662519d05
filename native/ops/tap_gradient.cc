#include "ops/tap_gradient.h"

#include "ops/lack_cuda.h"

#ifdef FINEPUNE_WITH_CUDA
#include "ops/cuda/operators.h"
#endif

namespace finepune {

#ifdef FINEPUNE_WITH_CUDA

bool has_tap_gradient(const at::Tensor& images, int64_t outputs, const Taps& taps) {
  return cuda::has_tap_gradient(images, outputs, taps);
}

at::Tensor tap_gradient(const at::Tensor& images, const at::Tensor& gradient, const Taps& taps) {
  return cuda::tap_gradient(images, gradient, taps);
}

#else

bool has_tap_gradient(const at::Tensor&, int64_t, const Taps&) { return false; }

at::Tensor tap_gradient(const at::Tensor&, const at::Tensor&, const Taps&) { lack_cuda(); }

#endif

}  // namespace finepune
