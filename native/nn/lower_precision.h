// bfloat16 on a CPU. What libtorch multiplies there in lower precision is a choice of each layer: sparse products and
// minimal filtering stay in float32, which is faster for most layers than dense products of bfloat16.
#pragma once

#include <ATen/core/Tensor.h>

namespace finepune {

// Whether this CPU multiplies bfloat16 faster than float32; elsewhere bfloat16 is emulated, and float32 is used.
bool multiplies_bfloat16();

// What a multiplication of libtorch's in bfloat16 costs on this CPU, in those in float32.
double bfloat16_cost();

// Whether products of libtorch's with `images` on the CPU are taken in bfloat16 now: under autocast.
bool lowers_products(const at::Tensor& images);

}  // namespace finepune
