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
  // is never made.
  at::Tensor square_sum() const;
};

}  // namespace finepune
