#include "library_linear.h"

#include <string_view>

#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/List.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <c10/util/Exception.h>

#include "wanted_gradients.h"

namespace finepune {
namespace {

using Pointwise = at::Tensor(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                             std::string_view function, c10::List<std::optional<at::Scalar>> scalars,
                             std::optional<std::string_view> algorithm);
using PointwiseHandle = c10::TypedOperatorHandle<Pointwise>;

// Smaller products are over before oneDNN has been prepared for them.
constexpr int64_t kFewestWeights = 1 << 16;

// oneDNN's linear layer on plain tensors; nothing where this libtorch has none.
std::optional<PointwiseHandle> find_pointwise() {
  if (!at::globalContext().hasMKLDNN()) return std::nullopt;
  const auto found = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
  if (!found || !found->hasKernelForDispatchKey(c10::DispatchKey::CPU)) return std::nullopt;
  try {
    return found->typed<Pointwise>();
  } catch (const c10::Error&) {
    // It is no part of libtorch's interface: another version may give it other arguments.
    return std::nullopt;
  }
}

const std::optional<PointwiseHandle>& pointwise() {
  static const std::optional<PointwiseHandle> handle = find_pointwise();
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

at::Tensor library_linear_input_gradient(const at::Tensor& gradient, const at::Tensor& weight) {
  return pays(gradient, weight) ? multiply(gradient, weight.t(), std::nullopt) : at::mm(gradient, weight);
}

}  // namespace finepune
