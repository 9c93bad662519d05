// libtorch's own products of linear layers, by the library of its that is fastest: on AMD's CPUs oneDNN multiplies
// these shapes two to three times as fast as MKL, which at::linear calls.
#pragma once

#include <optional>

#include <ATen/core/Tensor.h>

namespace finepune {

// [N, out] as at::linear of `input` [N, in], `weight` [out, in] and `bias` [out], all of one dtype. Without autograd
// where no gradient is wanted; elsewhere at::linear itself.
at::Tensor library_linear(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias);

// [N, in]: the gradient by the input, of the `gradient` [N, out] by the output. Without autograd.
at::Tensor library_linear_input_gradient(const at::Tensor& gradient, const at::Tensor& weight);

// The library that multiplies large ones: "oneDNN", "MKL" or "libtorch".
const char* library_linear_name();

}  // namespace finepune
