#include "linear_weight_gradient.h"

#include <ATen/ops/mm.h>

namespace finepune {
namespace {

constexpr const char* kFactors = "factors";

}  // namespace

void save_factors(torch::autograd::AutogradContext& context, const c10::intrusive_ptr<GradientFactors>& factors) {
  if (factors) context.saved_data[kFactors] = c10::IValue::make_capsule(factors);
}

at::Tensor linear_weight_gradient(torch::autograd::AutogradContext& context, const at::Tensor& gradient,
                                  const at::Tensor& input) {
  const auto saved = context.saved_data.find(kFactors);
  if (saved == context.saved_data.end()) return at::mm(gradient.t(), input);
  c10::static_intrusive_pointer_cast<GradientFactors>(saved->second.toCapsule())
      ->add(gradient.detach().to(at::kFloat).contiguous(), input.detach().to(at::kFloat).contiguous());
  return {};
}

}  // namespace finepune
