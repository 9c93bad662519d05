// Whether a convolution or a linear layer must record what its gradients need.
#pragma once

#include <optional>

#include <ATen/core/Tensor.h>
#include <c10/core/GradMode.h>

namespace finepune {

inline bool wants_gradients(const at::Tensor& images, const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
  return at::GradMode::is_enabled() &&
         (images.requires_grad() || weight.requires_grad() || (bias && bias->requires_grad()));
}

}  // namespace finepune
