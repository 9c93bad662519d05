#include "ops/rectified_sums.h"

#include "ops/lack_cuda.h"

#ifdef FINEPUNE_WITH_CUDA
#include "ops/cuda/operators.h"
#endif

namespace finepune {

#ifdef FINEPUNE_WITH_CUDA

bool has_rectified_sums(const at::Tensor& sums) {
  return sums.is_cuda() && (sums.scalar_type() == at::kFloat || sums.scalar_type() == at::kBFloat16) &&
         sums.is_contiguous(at::MemoryFormat::ChannelsLast);
}

void rectify_sums(const at::Tensor& sums, const std::optional<at::Tensor>& bias) { cuda::rectify_sums(sums, bias); }

std::pair<at::Tensor, at::Tensor> rectify_sums_backward(const at::Tensor& gradient, const at::Tensor& output,
                                                        bool wants_bias) {
  return cuda::rectify_sums_backward(gradient, output, wants_bias);
}

PooledSums pool_sums(const at::Tensor& sums, const std::optional<at::Tensor>& bias, bool rectify, const PoolGrid& grid) {
  return cuda::pool_sums(sums, bias, rectify, grid);
}

std::pair<at::Tensor, at::Tensor> pool_sums_backward(const at::Tensor& gradient, const at::Tensor& places,
                                                     const PoolGrid& grid, bool wants_bias) {
  return cuda::pool_sums_backward(gradient, places, grid, wants_bias);
}

#else

bool has_rectified_sums(const at::Tensor&) { return false; }

void rectify_sums(const at::Tensor&, const std::optional<at::Tensor>&) { lack_cuda(); }

std::pair<at::Tensor, at::Tensor> rectify_sums_backward(const at::Tensor&, const at::Tensor&, bool) { lack_cuda(); }

PooledSums pool_sums(const at::Tensor&, const std::optional<at::Tensor>&, bool, const PoolGrid&) { lack_cuda(); }

std::pair<at::Tensor, at::Tensor> pool_sums_backward(const at::Tensor&, const at::Tensor&, const PoolGrid&, bool) {
  lack_cuda();
}

#endif

}  // namespace finepune
