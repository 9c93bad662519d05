#include "ops/cuda/cross_entropy_kernel.h"

#include "ops/cuda/launch.h"

namespace finepune::cuda {

namespace {

constexpr int kWarps = 4;

__device__ inline float warp_sum(float value) {
  for (int offset = 16; offset > 0; offset /= 2) value += __shfl_xor_sync(0xffffffffu, value, offset);
  return value;
}

// NaN where one is among them is left to the sums that follow.
__device__ inline float warp_largest(float value) {
  for (int offset = 16; offset > 0; offset /= 2) value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, offset));
  return value;
}

// A warp an image.
__global__ void __launch_bounds__(kWarps * 32) cross_entropy_kernel(const CrossEntropyJob job) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int64_t image = static_cast<int64_t>(blockIdx.x) * kWarps + static_cast<int>(threadIdx.x) / 32;
  if (image >= job.images) return;
  const float* logits = job.logits + image * job.classes;
  float* gradient = job.gradient + image * job.classes;
  const int64_t label = job.labels[image];
  float largest = logits[0];
  for (int64_t c = lane; c < job.classes; c += 32) largest = fmaxf(largest, logits[c]);
  largest = warp_largest(largest);
  float exponentials = 0.0f, shifted = 0.0f, right = 0.0f;
  for (int64_t c = lane; c < job.classes; c += 32) {
    const float value = logits[c] - largest;
    exponentials += expf(value);
    shifted += value;
    if (c == label) right = value;
  }
  exponentials = warp_sum(exponentials);
  shifted = warp_sum(shifted);
  right = warp_sum(right);
  // -log of a probability is log_sum less its shifted logit.
  const float log_sum = logf(exponentials);
  const float images = static_cast<float>(job.images), classes = static_cast<float>(job.classes);
  const float share = job.label_smoothing / classes;
  for (int64_t c = lane; c < job.classes; c += 32) {
    const float target = share + (c == label ? 1.0f - job.label_smoothing : 0.0f);
    gradient[c] = (expf(logits[c] - largest) / exponentials - target) / images;
  }
  if (lane != 0) return;
  const float loss = (1.0f - job.label_smoothing) * (log_sum - right) + share * (classes * log_sum - shifted);
  job.losses[image] = loss / images;
}

}  // namespace

void launch_cross_entropy(const CrossEntropyJob& job, cudaStream_t stream) {
  if (job.images == 0) return;
  const auto blocks = static_cast<unsigned>((job.images + kWarps - 1) / kWarps);
  cross_entropy_kernel<<<blocks, kWarps * 32, 0, stream>>>(job);
  check_launch("cross entropy");
}

}  // namespace finepune::cuda
