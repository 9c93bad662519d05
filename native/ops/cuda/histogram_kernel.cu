#include "ops/cuda/histogram_kernel.h"

#include <algorithm>

#include "ops/cuda/launch.h"

namespace finepune::cuda {

namespace {

constexpr int kThreads = 256;
constexpr int64_t kMostBlocks = 2048;
constexpr uint32_t kBins = 32768;

// Equal bins of a warp are added at once: zeros, and the magnitudes near the mode, would queue for one address.
__global__ void __launch_bounds__(kThreads)
    histogram_kernel(const float* weight, const uint8_t* mask, int64_t count, uint32_t* bins) {
  const int64_t lane = threadIdx.x % 32;
  const int64_t warp = (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) / 32;
  const int64_t warps = static_cast<int64_t>(gridDim.x) * (kThreads / 32);
  // The bound is the warp's, so that its threads stay together.
  for (int64_t first = warp * 32; first < count; first += warps * 32) {
    const int64_t i = first + lane;
    const bool inside = i < count;
    const uint32_t active = __ballot_sync(0xffffffffu, inside);
    if (inside) {
      const bool kept = mask == nullptr || mask[i] != 0;
      const uint32_t bin = (kept ? kBins : 0) + ((__float_as_uint(weight[i]) & 0x7fffffffu) >> 16);
      const uint32_t peers = __match_any_sync(active, bin);
      if (lane == __ffs(static_cast<int>(peers)) - 1) atomicAdd(bins + bin, static_cast<uint32_t>(__popc(peers)));
    }
    __syncwarp();
  }
}

}  // namespace

void launch_histogram(const float* weight, const uint8_t* mask, int64_t count, uint32_t* bins, cudaStream_t stream) {
  if (count == 0) return;
  const int64_t blocks = std::min(kMostBlocks, (count + kThreads - 1) / kThreads);
  histogram_kernel<<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(weight, mask, count, bins);
  check_launch("magnitude histogram");
}

}  // namespace finepune::cuda
