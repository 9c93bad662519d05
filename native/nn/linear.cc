// Gemm: y = x W^T + b. Attributes out_features, bias; weight [out, in].
#include "attributes.h"
#include "factored_linear.h"
#include "library_linear.h"
#include "operator.h"
#include "sparse_linear.h"
#include "wanted_gradients.h"

namespace finepune {
namespace {

class Linear final : public Operator {
 public:
  Linear(Shape output, size_t weight, std::optional<size_t> bias)
      : Operator(std::move(output)), weight_(weight), bias_(bias) {}

  at::Tensor forward(c10::ArrayRef<at::Tensor> inputs, const ForwardContext& context) override {
    std::optional<at::Tensor> bias;
    if (bias_) bias = context.parameters[*bias_].value;
    const Parameter& weight = context.parameters[weight_];
    const double density = static_cast<double>(weight.kept) / static_cast<double>(weight.value.numel());
    if (is_sparse_linear_faster(inputs[0], weight.value, density)) {
      return sparse_linear(inputs[0].to(at::kFloat), weight.value, bias, weight.factors);
    }
    if (has_factored_linear(inputs[0], weight)) return factored_linear(inputs[0], weight.value, bias, weight.factors);
    if (inputs[0].is_cuda() && wants_gradients(inputs[0], weight.value, bias)) {
      return factored_linear(inputs[0], weight.value, bias, nullptr);
    }
    return library_linear(inputs[0], weight.value, bias);
  }

  bool output_may_be_overwritten() const override { return true; }

 private:
  size_t weight_;
  std::optional<size_t> bias_;
};

}  // namespace

std::unique_ptr<Operator> make_linear(const BuildContext& context) {
  const Shape& input = single_input(context, 1);
  const int64_t out_features = required_integer_attribute(context.node, "out_features", 1);
  const size_t weight = context.add_parameter("weight", "weight", {out_features, input[0]}, 0, true);
  std::optional<size_t> bias;
  if (flag_attribute(context.node, "bias", true))
    bias = context.add_parameter("bias", "bias", {out_features}, 0, false);
  return std::make_unique<Linear>(Shape{out_features}, weight, bias);
}

}  // namespace finepune
