// A first layer with the rectifier and the maximum pooling behind it, band by band of rows in a core's own cache: its
// output, the largest value of most networks, is never in memory, and neither is the gradient by it. Of few channels such a
// convolution is faster as products of patches, which lie in cache too, than libtorch's.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include <ATen/core/Tensor.h>

#include "pool_windows.h"

namespace finepune {

// Without dilation, of one group, over images that have their padding already.
struct PooledConvolution {
  // [height, width] both.
  std::array<int64_t, 2> kernel, strides;
  // Over the convolution's output.
  const PoolWindows& pool;
};

// Whether pooled_convolution takes layers of `inputs` channels, `outputs` channels and these windows on this CPU.
bool has_pooled_convolution(const PooledConvolution& convolution, int64_t inputs, int64_t outputs);

// The largest of max(sum + bias, 0) in each of the pooling's windows, [N, out, ...] in channels_last memory, of `images`
// [N, in, H, W] and `weight` [out, in, height, width], float32 on the CPU. With autograd, but for the images. NaN wins. The
// same bits with any number of threads.
at::Tensor pooled_convolution(const at::Tensor& images, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                              const PooledConvolution& convolution);

}  // namespace finepune
