#include "factored_linear.h"

#include <ATen/autocast_mode.h>

#include "library_linear.h"
#include "linear_weight_gradient.h"
#include "ops/masked_step.h"
#include "ops/row_sums.h"
#include "wanted_gradients.h"

namespace finepune {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class FactoredLinearFunction : public torch::autograd::Function<FactoredLinearFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias, const c10::intrusive_ptr<GradientFactors>& factors,
                            at::ScalarType type) {
    const at::Tensor features = input.to(type), cast_weight = weight.to(type);
    context->save_for_backward({features, cast_weight});
    context->saved_data["bias"] = bias.has_value();
    save_factors(*context, factors);
    return library_linear(features, cast_weight, bias ? std::optional(bias->to(type)) : std::nullopt);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& gradient = gradients[0];
    variable_list result(5);
    if (context->needs_input_grad(0)) result[0] = library_linear_input_gradient(gradient, saved[1]);
    if (context->needs_input_grad(1)) result[1] = linear_weight_gradient(*context, gradient, saved[0]);
    if (context->saved_data["bias"].toBool() && context->needs_input_grad(2)) {
      result[2] = gradient.is_cuda() ? row_sums(gradient) : gradient.sum(0, false, at::kFloat);
    }
    return result;
  }
};

at::ScalarType product_type(const at::Tensor& input) {
  return at::autocast::is_autocast_enabled(input.device().type()) ? at::kBFloat16 : at::kFloat;
}

}  // namespace

bool has_factored_linear(const at::Tensor& input, const Parameter& weight) {
  const at::ScalarType type = input.scalar_type();
  return weight.factors && input.dim() == 2 && (type == at::kFloat || type == at::kBFloat16) &&
         weight.value.scalar_type() == at::kFloat && wants_gradients(input, weight.value, std::nullopt) &&
         takes_factors(weight.value, input.size(0), product_type(input));
}

at::Tensor factored_linear(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                           const c10::intrusive_ptr<GradientFactors>& factors) {
  return FactoredLinearFunction::apply(input, weight, bias, factors, product_type(input));
}

}  // namespace finepune
