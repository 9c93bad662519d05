#include "factored_linear.h"

#include <ATen/autocast_mode.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>

#include "linear_weight_gradient.h"
#include "wanted_gradients.h"

namespace finepune {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class FactoredLinearFunction : public torch::autograd::Function<FactoredLinearFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias,
                            const c10::intrusive_ptr<GradientFactors>& factors) {
    context->save_for_backward({input, weight});
    context->saved_data["bias"] = bias.has_value();
    save_factors(*context, factors);
    return at::linear(input, weight, bias);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& gradient = gradients[0];
    variable_list result(4);
    if (context->needs_input_grad(0)) result[0] = at::mm(gradient, saved[1]);
    if (context->needs_input_grad(1)) result[1] = linear_weight_gradient(*context, gradient, saved[0]);
    if (context->saved_data["bias"].toBool() && context->needs_input_grad(2)) result[2] = gradient.sum(0);
    return result;
  }
};

}  // namespace

bool has_factored_linear(const at::Tensor& input, const Parameter& weight) {
  return weight.factors && input.is_cpu() && input.dim() == 2 && input.scalar_type() == at::kFloat &&
         weight.value.scalar_type() == at::kFloat && !at::autocast::is_autocast_enabled(at::kCPU) &&
         wants_gradients(input, weight.value, std::nullopt);
}

at::Tensor factored_linear(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                           const c10::intrusive_ptr<GradientFactors>& factors) {
  return FactoredLinearFunction::apply(input, weight, bias, factors);
}

}  // namespace finepune
