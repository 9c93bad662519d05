#include "ops/folded_pixels.h"

#include "ops/lack_cuda.h"

#ifdef FINEPUNE_WITH_CUDA
#include "ops/cuda/operators.h"
#endif

namespace finepune {

#ifdef FINEPUNE_WITH_CUDA

at::Tensor fold_pixels(const at::Tensor& images, const BlockGrid& grid, int64_t channels, at::ScalarType type) {
  return cuda::fold_pixels(images, grid, channels, type);
}

#else

at::Tensor fold_pixels(const at::Tensor&, const BlockGrid&, int64_t, at::ScalarType) {
  lack_cuda();
}

#endif

}  // namespace finepune
