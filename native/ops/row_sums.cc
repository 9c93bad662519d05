#include "ops/row_sums.h"

#include "ops/lack_cuda.h"

#ifdef FINEPUNE_WITH_CUDA
#include "ops/cuda/operators.h"
#endif

namespace finepune {

#ifdef FINEPUNE_WITH_CUDA

at::Tensor row_sums(const at::Tensor& rows) { return cuda::row_sums(rows); }

#else

at::Tensor row_sums(const at::Tensor&) { lack_cuda(); }

#endif

}  // namespace finepune
