// Linear layers that skip the weights that are zero, forward and by their input.
#pragma once

#include <optional>

#include <ATen/core/Tensor.h>

#include "ops/cpu/direct_kernels.h"
#include "ops/gradient_factors.h"

namespace finepune {

// Whether y = x W^T with `input` [N, in], float32 or bfloat16, is faster so at this density: a function of shapes, of the
// density and of the CPU's instruction set alone, so that a run can be repeated to the last bit. Also where others are
// computed in bfloat16: packing reads the weight once, and casting it for a dense product reads and writes it first.
bool is_sparse_linear_faster(const at::Tensor& input, const at::Tensor& weight, double density);

// [N, out] of `input` [N, in], `weight` [out, in] and `bias` [out], all float32 on the CPU. With autograd: the gradients
// are those of at::linear, the weight's whole, zeros included; or, with `factors`, its factors are left there and the
// weight gets none. Values do not depend on the number of threads. `kernels`: null for the best.
at::Tensor sparse_linear(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                         c10::intrusive_ptr<GradientFactors> factors = nullptr,
                         const cpu::DirectKernels* kernels = nullptr);

}  // namespace finepune
