// Convolutions that skip the weights that are zero, forward and backward: what a pruned layer costs in training and in
// the scoring of candidates then falls with its density.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include <ATen/core/Tensor.h>

#include "attributes.h"
#include "ops/cpu/direct_kernels.h"

namespace finepune {

// Of steps of one without dilation.
struct SparseConvolution {
  std::array<int64_t, 2> kernel;
  Padding padding;
  int64_t groups = 1;
};

// Whether a convolution of `images`, [N, in, H, W], can be computed so, and is then faster than dense at this density:
// a function of shapes, of the density and of the CPU's instruction set alone, so that a run can be repeated to the
// last bit.
bool is_sparse_faster(const SparseConvolution& convolution, const at::Tensor& images, const at::Tensor& weight,
                      double density);

// [N, out, H', W'] of `images` [N, in, H, W], `weight` [out, in / groups, height, width] and `bias` [out], all float32
// on the CPU; the padding is symmetric and smaller than the kernel. With autograd: the gradients by the images and by
// the weight are those of at::convolution, the weight's whole, zeros included (Guo, Yao, Chen, "Dynamic Network Surgery
// for Efficient DNNs", NIPS 2016, eq. 3). Values do not depend on the number of threads. `kernels`: null for the best.
at::Tensor sparse_convolution(const at::Tensor& images, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                              const SparseConvolution& convolution, const cpu::DirectKernels* kernels = nullptr);

}  // namespace finepune
