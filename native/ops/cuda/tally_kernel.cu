#include "ops/cuda/tally_kernel.h"

#include "ops/cuda/launch.h"

namespace finepune::cuda {

namespace {

constexpr int kWarps = 32;

// One block; a warp an image.
__global__ void __launch_bounds__(kWarps * 32) tally_kernel(const TallyJob job) {
  __shared__ int rights[kWarps];
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  int right = 0;
  for (int64_t image = warp; image < job.images; image += kWarps) {
    const float* row = job.logits + image * job.classes;
    int64_t place = lane < job.classes ? lane : 0;
    float best = row[place];
    for (int64_t c = lane + 32; c < job.classes; c += 32) {
      if (row[c] > best) {
        best = row[c];
        place = c;
      }
    }
    for (int offset = 16; offset > 0; offset /= 2) {
      const float other = __shfl_xor_sync(0xffffffffu, best, offset);
      const int64_t other_place = __shfl_xor_sync(0xffffffffu, place, offset);
      if (other > best || (other == best && other_place < place)) {
        best = other;
        place = other_place;
      }
    }
    right += place == job.labels[image] ? 1 : 0;
  }
  if (lane == 0) rights[warp] = right;
  __syncthreads();
  if (threadIdx.x != 0) return;
  int64_t total = 0;
  for (int i = 0; i < kWarps; ++i) total += rights[i];
  *job.right_out = total;
  *job.loss_out = *job.loss;
  if (!isfinite(*job.loss)) *job.proceed = false;
}

}  // namespace

void launch_tally(const TallyJob& job, cudaStream_t stream) {
  tally_kernel<<<1, kWarps * 32, 0, stream>>>(job);
  check_launch("tally of a step");
}

}  // namespace finepune::cuda
