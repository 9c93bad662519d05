#include "library_linear.h"

#include <string_view>

#include <ATen/autocast_mode.h>
#include <ATen/core/List.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>

#include "onednn_operator.h"
#include "wanted_gradients.h"

namespace finepune {
namespace {

using Pointwise = at::Tensor(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                             std::string_view function, c10::List<std::optional<at::Scalar>> scalars,
                             std::optional<std::string_view> algorithm);

// Smaller products are over before oneDNN has been prepared for them.
constexpr int64_t kFewestWeights = 1 << 16;

// oneDNN's linear layer on plain tensors; nothing where there is none.
const auto& pointwise() {
  static const auto handle = find_onednn_operator<Pointwise>("mkldnn::_linear_pointwise");
  return handle;
}

bool pays(const at::Tensor& input, const at::Tensor& weight) {
  const bool plain = input.is_cpu() && input.dim() == 2 && input.size(0) > 0 && input.scalar_type() == at::kFloat &&
                     weight.scalar_type() == at::kFloat && !at::autocast::is_autocast_enabled(at::kCPU);
  return plain && weight.numel() >= kFewestWeights && pointwise();
}

at::Tensor multiply(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
  return pointwise()->call(input.contiguous(), weight, bias, "none", c10::List<std::optional<at::Scalar>>(), "");
}

}  // namespace

at::Tensor library_linear(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
  if (wants_gradients(input, weight, bias) || !pays(input, weight)) return at::linear(input, weight, bias);
  return multiply(input, weight.contiguous(), bias);
}

const char* library_linear_name() {
  if (pointwise()) return "oneDNN";
  return at::globalContext().hasMKL() ? "MKL" : "libtorch";
}

at::Tensor library_linear_input_gradient(const at::Tensor& gradient, const at::Tensor& weight) {
  return pays(gradient, weight) ? multiply(gradient, weight.t(), std::nullopt) : at::mm(gradient, weight);
}

}  // namespace finepune
