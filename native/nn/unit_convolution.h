// Convolutions in steps of one that skip the weights that are zero, forward and by their input: what a pruned layer
// costs in training and in the scoring of candidates then falls with its density.
#pragma once

#include <optional>

#include <ATen/core/Tensor.h>

#include "ops/cpu/direct_choice.h"
#include "sparse_products.h"

namespace finepune {

// How its products are computed.
struct UnitChoice {
  // Non-zeros only, forward and by the input; libtorch's dense ones otherwise.
  bool sparse = false;
  // The gradient by the weights as weight_gradient.h computes it; libtorch's otherwise.
  bool own_gradient = false;
  const cpu::DirectKernels* kernels = &cpu::best_direct_kernels();

  bool is_libtorchs() const { return !sparse && !own_gradient; }
};

// What is faster for `images`, [N, in, H, W], at this density of `weight`: a function of shapes, of the density and of
// the CPU's instruction set alone, so that a run can be repeated to the last bit.
UnitChoice choose_products(const UnitConvolution& convolution, const at::Tensor& images, const at::Tensor& weight,
                           double density);

// [N, out, H', W'] of `images` [N, in, H, W], `weight` [out, in / groups, height, width] and `bias` [out], all float32
// on the CPU. With autograd: the gradients are those of at::convolution, the weight's whole, zeros included (Guo, Yao,
// Chen, "Dynamic Network Surgery for Efficient DNNs", NIPS 2016, eq. 3). What is computed here does not depend on the
// number of threads.
at::Tensor unit_convolution(const at::Tensor& images, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                            const UnitConvolution& convolution, const UnitChoice& choice);

}  // namespace finepune
