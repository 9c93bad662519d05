// The gradient by a linear layer's weight as the two factors it is the product of.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

namespace finepune {

// Of y = x W^T with a batch's x [N, in] and the gradient by y [N, out], both float32 and contiguous, on one device: the
// gradient by W, of shape [out, in], is outputs^T inputs. A step that multiplies as it goes neither writes nor reads it in
// memory, where it takes as much room as the weight. Undefined tensors: no gradient yet. Shared by the layer that leaves
// them and the step that takes them.
struct GradientFactors : torch::CustomClassHolder {
  at::Tensor outputs, inputs;

  bool defined() const { return outputs.defined(); }
  // Takes part in the gradient as a further sum, as autograd's accumulation does.
  void add(const at::Tensor& more_outputs, const at::Tensor& more_inputs);
  void reset();

  // The gradient itself, [out, in].
  at::Tensor product() const;
  // Sum over the squares of its entries, float64 [] on their device, from the products of the images with one another: it
  // is never made. On the CPU these are float64's, elsewhere row_products. Then it is off by no more than twice their error,
  // 2^-23 (256 + K / 256) of (sum over images of |outputs| |inputs|)^2; measured on a CPU, 1e-7. Where images cancel one
  // another to nothing it may so come out a little below 0.
  at::Tensor square_sum() const;
};

// [N, N] float64: the products of the rows of `values` [N, K], float32 and contiguous, with one another, for GPUs, many of
// which multiply float64 at a small part of their rate. In float32 even where others are rounded to tensor_float32, added
// up over 256 columns and then over these parts: an entry is off by no more than 2^-24 (256 + K / 256) of the product of its
// rows' norms; measured on a CPU, 6e-7 of it. Nothing waits for it.
at::Tensor row_products(const at::Tensor& values);

}  // namespace finepune
