// Convolutions in steps of one, by what is fastest for their shape and density: products that skip the weights that are
// zero, so that what a pruned layer costs falls with its density; minimal filtering; or libtorch's.
#pragma once

#include <optional>

#include <ATen/core/Tensor.h>

#include "product_choice.h"

namespace finepune {

// [N, out, H', W'] of `images` [N, in, H, W], `weight` [out, in / groups, height, width] and `bias` [out], all float32
// on the CPU; where `choice.lower`, images may be bfloat16, and so are values and gradients by libtorch. With autograd: the
// gradients are those of at::convolution, the weight's whole, zeros included (Guo, Yao, Chen, "Dynamic Network Surgery for
// Efficient DNNs", NIPS 2016, eq. 3). What is computed here does not depend on the number of threads. `finish` says what is
// done to the values; where the products are libtorch's, its place stays empty and the values for it are not rectified.
at::Tensor unit_convolution(const at::Tensor& images, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                            const UnitConvolution& convolution, const UnitChoice& choice,
                            const OutputFinish& finish = {});

}  // namespace finepune
