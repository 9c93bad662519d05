#include "ops/rectified_sums.h"

#include <stdexcept>

#include "ops/cpu/direct_choice.h"
#include "ops/lack_cuda.h"
#include "ops/placed_pool.h"

#ifdef FINEPUNE_WITH_CUDA
#include "ops/cuda/operators.h"
#endif

namespace finepune {

#ifdef FINEPUNE_WITH_CUDA

void rectify_sums(const at::Tensor& sums, const std::optional<at::Tensor>& bias) { cuda::rectify_sums(sums, bias); }

std::pair<at::Tensor, at::Tensor> rectify_sums_backward(const at::Tensor& gradient, const at::Tensor& output,
                                                        bool wants_bias) {
  return cuda::rectify_sums_backward(gradient, output, wants_bias);
}

namespace {

PooledSums pool_on_gpu(const at::Tensor& sums, const std::optional<at::Tensor>& bias, bool rectify,
                       const PoolGrid& grid) {
  return cuda::pool_sums(sums, bias, rectify, grid);
}

std::pair<at::Tensor, at::Tensor> pool_on_gpu_backward(const at::Tensor& gradient, const at::Tensor& places,
                                                       const PoolGrid& grid, bool wants_bias) {
  return cuda::pool_sums_backward(gradient, places, grid, wants_bias);
}

}  // namespace

#else

void rectify_sums(const at::Tensor&, const std::optional<at::Tensor>&) { lack_cuda(); }

std::pair<at::Tensor, at::Tensor> rectify_sums_backward(const at::Tensor&, const at::Tensor&, bool) { lack_cuda(); }

namespace {

PooledSums pool_on_gpu(const at::Tensor&, const std::optional<at::Tensor>&, bool, const PoolGrid&) { lack_cuda(); }

std::pair<at::Tensor, at::Tensor> pool_on_gpu_backward(const at::Tensor&, const at::Tensor&, const PoolGrid&, bool) {
  lack_cuda();
}

}  // namespace

#endif

PooledSums pool_sums(const at::Tensor& sums, const std::optional<at::Tensor>& bias, bool rectify, const PoolGrid& grid) {
  if (!sums.is_cpu()) return pool_on_gpu(sums, bias, rectify, grid);
  if (bias) throw std::logic_error("pooling on the CPU adds no bias");
  return placed_pool(sums, rectify, grid, cpu::best_direct_kernels());
}

std::pair<at::Tensor, at::Tensor> pool_sums_backward(const at::Tensor& gradient, const at::Tensor& places,
                                                     const PoolGrid& grid, bool wants_bias) {
  if (!gradient.is_cpu()) return pool_on_gpu_backward(gradient, places, grid, wants_bias);
  return {placed_pool_backward(gradient, places, grid, cpu::best_direct_kernels()), at::Tensor()};
}

}  // namespace finepune
