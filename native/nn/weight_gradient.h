// The gradient of a convolution by its weights, from planes: streams of memory read from one end to the other, where
// libtorch's on CPUs without AVX-512 reaches half of what they multiply.
#pragma once

#include <array>

#include <ATen/core/Tensor.h>

#include "image_planes.h"
#include "ops/cpu/direct_kernels.h"

namespace finepune {

// Of a convolution in steps of one without dilation: [out, in / groups, height, width] in channels_last memory, of
// `images` [N, in, H, W] and the `gradient` by its output [N, out, H', W'], both channels_last, float32, on the CPU.
// Sums are taken in one order, whatever the number of threads.
at::Tensor weight_gradient(const at::Tensor& images, const at::Tensor& gradient, std::array<int64_t, 2> kernel,
                           const Padding& padding, int64_t groups, const cpu::DirectKernels& kernels);

}  // namespace finepune
