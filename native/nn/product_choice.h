// How the products of a convolution in steps of one are computed.
#pragma once

#include <ATen/core/Tensor.h>

#include "folded_images.h"
#include "ops/cpu/direct_choice.h"
#include "sparse_products.h"

namespace finepune {

// Products with the weights, forward and by the input: libtorch's, those of the non-zeros alone (sparse_products.h), or
// minimal filtering (winograd_convolution.h).
enum class Products { library, sparse, winograd };
// Those of the gradient by the weights: libtorch's, from planes (weight_gradient.h), or minimal filtering.
enum class WeightProducts { library, planes, winograd };

struct UnitChoice {
  Products products = Products::library;
  WeightProducts weight_products = WeightProducts::library;
  const cpu::DirectKernels* kernels = &cpu::best_direct_kernels();
  // Whether libtorch's are taken in bfloat16; all others are in float32.
  bool lower = false;

  bool is_librarys() const { return products == Products::library && weight_products == WeightProducts::library; }
};

// Whether a convolution of these is one on the CPU that can be computed here: of float32, or, where libtorch's products
// are in lower precision, of its images too.
bool computes_here(const at::Tensor& images, const at::Tensor& weight);

// What is fastest for `images`, [N, in, H, W], at this density of `weight`: a function of shapes, of the density and of
// the CPU's instruction set alone, so that a run can be repeated to the last bit.
UnitChoice choose_products(const UnitConvolution& convolution, const at::Tensor& images, const at::Tensor& weight,
                           double density);

// Whether a convolution in larger steps is faster folded, on the CPU by minimal filtering. `images`: [N, in, H, W].
bool folding_pays(const Folding& folding, const at::Tensor& images, const at::Tensor& weight);

}  // namespace finepune
