// Convolutions and their gradients by Winograd's minimal filtering in two directions, F(4 x 4, 3 x 3) and
// F(4 x 4, 5 x 5): 36 products instead of 144, or 64 instead of 400. Lavin and Gray, "Fast Algorithms for Convolutional
// Neural Networks", CVPR 2016, section 4; the gradient by the weights is that of the same formula,
//   dg = G^T [ sum over tiles of (A dY A^T) . (B^T d B) ] G.
// Errors are larger than those of a direct convolution, 1e-6 to 3e-6 of a layer's values (test/bench/NOTES.md).
#pragma once

#include <optional>

#include <ATen/core/Tensor.h>

#include "ops/cpu/tile_kernels.h"
#include "output_finish.h"
#include "sparse_products.h"
#include "tile_points.h"

namespace finepune {

// Whether there is one for such a weight: three or five rows and columns of taps, and whole panels of sixteen input and
// output channels in every group.
bool has_winograd(const UnitConvolution& convolution, int64_t inputs, int64_t outputs);

// Multiplications a pair of an input and an output channel.
double winograd_products(const TileGrid& grid, int64_t taps);

// As sparse_output and sparse_input_gradient, all products of dense weights.
at::Tensor winograd_output(const at::Tensor& images, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                           const UnitConvolution& convolution, const cpu::TileKernels& kernels,
                           const OutputFinish& finish);
at::Tensor winograd_input_gradient(const at::Tensor& gradient, const at::Tensor& weight,
                                   const UnitConvolution& convolution, const cpu::TileKernels& kernels);

// As weight_gradient.
at::Tensor winograd_weight_gradient(const at::Tensor& images, const at::Tensor& gradient,
                                    const UnitConvolution& convolution, const cpu::TileKernels& kernels);

}  // namespace finepune
