#include "ops/cuda/dropped_kernel.h"

#include <algorithm>

#include "ops/counter_random.h"
#include "ops/cuda/element.cuh"
#include "ops/cuda/launch.h"

namespace finepune::cuda {

namespace {

constexpr int kThreads = 256;
constexpr int64_t kMostBlocks = 65535;

// Each draw gives two values their numbers, as in dropout.cc.
template <typename T>
__global__ void __launch_bounds__(kThreads) drop_kernel(const DropJob job) {
  const uint64_t stream = derive_stream(static_cast<uint64_t>(*job.seed), job.label);
  const T* values = static_cast<const T*>(job.values);
  T* result = static_cast<T*>(job.result);
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t pair = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; 2 * pair < job.count; pair += step) {
    const uint64_t bits = random_bits(stream, static_cast<uint64_t>(pair));
    const float first = (bits & 0xffffffffULL) < job.threshold ? 0.0f : job.scale;
    const float second = (bits >> 32) < job.threshold ? 0.0f : job.scale;
    set(result[2 * pair], as_float(values[2 * pair]) * first);
    if (2 * pair + 1 < job.count) set(result[2 * pair + 1], as_float(values[2 * pair + 1]) * second);
  }
}

}  // namespace

void launch_drop(const DropJob& job, cudaStream_t stream) {
  if (job.count == 0) return;
  const int64_t pairs = (job.count + 1) / 2;
  const auto blocks = static_cast<unsigned>(std::min(kMostBlocks, (pairs + kThreads - 1) / kThreads));
  if (job.element == Element::float32) {
    drop_kernel<float><<<blocks, kThreads, 0, stream>>>(job);
  } else {
    drop_kernel<__nv_bfloat16><<<blocks, kThreads, 0, stream>>>(job);
  }
  check_launch("dropout");
}

}  // namespace finepune::cuda
