// LRN: attributes size, alpha, beta, bias.
#include "local_response_normalization.h"

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <c10/core/GradMode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/csrc/autograd/custom_function.h>

#include "attributes.h"
#include "operator.h"

namespace finepune {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// [C, C] with 1 where output column c reads input row j, on the images' device.
at::Tensor band(const at::Tensor& images, const LocalResponse& rule) {
  const int64_t channels = images.size(1);
  return at::ones({channels, channels}, images.options()).tril(rule.before()).triu(-rule.after());
}

// Products in float32, whatever the precision of others, while one stands: window sums are added to a bias and raised to
// a power.
struct FullPrecision {
  at::NoTF32Guard no_tensor_float32;
  c10::impl::ExcludeDispatchKeyGuard no_autocast{c10::autocast_dispatch_keyset};
};

// Devices other than the CPU: window sums as a product with a band matrix, which a GPU does at memory speed for these
// sizes.
struct Composition {
  at::Tensor scale, power;
  Composition(const at::Tensor& pixels, const at::Tensor& window, const LocalResponse& rule)
      : scale(at::matmul(pixels * pixels, window).mul_(rule.alpha / static_cast<float>(rule.size)).add_(rule.bias)),
        power(scale.pow(-rule.beta)) {}
};

at::Tensor forward_values(const at::Tensor& images, const LocalResponse& rule) {
  if (images.is_cpu()) {
    at::Tensor output = at::empty_like(images);
    local_response_forward(rule, images.const_data_ptr<float>(), output.mutable_data_ptr<float>(),
                           images.size(0) * images.size(2) * images.size(3), images.size(1));
    return output;
  }
  const FullPrecision precision;
  const at::Tensor pixels = images.permute({0, 2, 3, 1});
  return (pixels * Composition(pixels, band(images, rule), rule).power).permute({0, 3, 1, 2});
}

at::Tensor backward_values(const at::Tensor& gradient, const at::Tensor& images, const LocalResponse& rule) {
  if (images.is_cpu()) {
    at::Tensor result = at::empty_like(images);
    local_response_backward(rule, gradient.const_data_ptr<float>(), images.const_data_ptr<float>(),
                            result.mutable_data_ptr<float>(), images.size(0) * images.size(2) * images.size(3),
                            images.size(1));
    return result;
  }
  const FullPrecision precision;
  const at::Tensor pixels = images.permute({0, 2, 3, 1}), g = gradient.permute({0, 2, 3, 1});
  const at::Tensor window = band(images, rule);
  const Composition parts(pixels, window, rule);
  const at::Tensor sums = at::matmul(g * pixels * parts.power / parts.scale, window.t());
  const float factor = 2.0f * rule.beta * rule.alpha / static_cast<float>(rule.size);
  return (g * parts.power - factor * pixels * sums).permute({0, 3, 1, 2});
}

at::Tensor prepared(const at::Tensor& images) {
  return images.to(at::kFloat).contiguous(at::MemoryFormat::ChannelsLast);
}

class LocalResponseFunction : public torch::autograd::Function<LocalResponseFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& images, const LocalResponse& rule) {
    context->save_for_backward({images});
    context->saved_data["size"] = rule.size;
    context->saved_data["alpha"] = static_cast<double>(rule.alpha);
    context->saved_data["beta"] = static_cast<double>(rule.beta);
    context->saved_data["bias"] = static_cast<double>(rule.bias);
    return forward_values(prepared(images), rule).to(images.scalar_type());
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const at::Tensor images = context->get_saved_variables()[0];
    auto& saved = context->saved_data;
    const LocalResponse rule{saved["size"].toInt(), static_cast<float>(saved["alpha"].toDouble()),
                             static_cast<float>(saved["beta"].toDouble()),
                             static_cast<float>(saved["bias"].toDouble())};
    return {backward_values(prepared(gradients[0]), prepared(images), rule).to(images.scalar_type()), at::Tensor()};
  }
};

class LocalResponseNormalization final : public Operator {
 public:
  LocalResponseNormalization(Shape output, LocalResponse rule) : Operator(std::move(output)), rule_(rule) {}

  at::Tensor forward(c10::ArrayRef<at::Tensor> inputs, const ForwardContext&) override {
    return local_response_normalization(inputs[0], rule_);
  }

 private:
  LocalResponse rule_;
};

}  // namespace

at::Tensor local_response_normalization(const at::Tensor& images, const LocalResponse& rule) {
  if (at::GradMode::is_enabled() && images.requires_grad()) return LocalResponseFunction::apply(images, rule);
  return forward_values(prepared(images), rule).to(images.scalar_type());
}

std::unique_ptr<Operator> make_local_response_normalization(const BuildContext& context) {
  const GraphNode& node = context.node;
  const Shape& input = single_input(context, 3);
  LocalResponse rule;
  rule.size = required_integer_attribute(node, "size", 1);
  rule.alpha = static_cast<float>(number_attribute(node, "alpha", 1e-4));
  rule.beta = static_cast<float>(number_attribute(node, "beta", 0.75));
  rule.bias = static_cast<float>(number_attribute(node, "bias", 1));
  if (rule.size > 4096) fail_node(node, "attribute size must be at most 4096");
  if (!(rule.bias > 0) || !(rule.alpha >= 0)) fail_node(node, "attribute bias must be above 0 and alpha 0 or more");
  return std::make_unique<LocalResponseNormalization>(input, rule);
}

}  // namespace finepune
