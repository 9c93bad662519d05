// Convolutions as products of the weights that are not zero with planes of the images; Park et al., "Faster CNNs with
// Direct Sparse Convolutions and Guided Pruning", ICLR 2017, section 2.1, for eight images at a time and both ways.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include <ATen/core/Tensor.h>

#include "attributes.h"
#include "ops/cpu/direct_kernels.h"
#include "output_finish.h"

namespace finepune {

// A convolution in steps of one without dilation; the padding is symmetric and smaller than the kernel.
struct UnitConvolution {
  std::array<int64_t, 2> kernel;
  Padding padding;
  int64_t groups = 1;
};

// Most pixels of a plane, its padding included, that offsets of 16 bits can count.
constexpr int64_t kMostSparsePlane = 65536;

// [N, out, H', W'] in channels_last memory, of `images` [N, in, H, W], `weight` [out, in / groups, height, width] and
// `bias` [out], all float32 on the CPU; finished as asked. Values do not depend on the number of threads.
at::Tensor sparse_output(const at::Tensor& images, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                         const UnitConvolution& convolution, const cpu::DirectKernels& kernels,
                         const OutputFinish& finish);

// [N, in, H, W], the gradient by the images, of that by the output.
at::Tensor sparse_input_gradient(const at::Tensor& gradient, const at::Tensor& weight,
                                 const UnitConvolution& convolution, const cpu::DirectKernels& kernels);

}  // namespace finepune
