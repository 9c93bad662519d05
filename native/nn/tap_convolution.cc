#include "tap_convolution.h"

#include <ATen/autocast_mode.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/sum.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/tap_gradient.h"
#include "wanted_gradients.h"

namespace finepune {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor convolve(const at::Tensor& images, const at::Tensor& taps, const std::optional<at::Tensor>& bias,
                    at::IntArrayRef padding) {
  return at::convolution(images, taps, bias, {1, 1}, padding, {1, 1}, false, {0, 0}, 1);
}

class TapConvolutionFunction : public torch::autograd::Function<TapConvolutionFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& images, const at::Tensor& taps,
                            const std::optional<at::Tensor>& bias, at::IntArrayRef padding) {
    context->save_for_backward({images, taps});
    context->saved_data["padding"] = padding.vec();
    context->saved_data["bias"] = bias.has_value();
    return convolve(images, taps, bias, padding);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &images = saved[0], &taps = saved[1];
    const std::vector<int64_t> padding = context->saved_data["padding"].toIntVector();
    const at::Tensor gradient = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    variable_list result(4);
    if (context->needs_input_grad(0)) {
      result[0] = std::get<0>(at::convolution_backward(gradient, images, taps, std::nullopt, {1, 1}, padding, {1, 1}, false,
                                                       {0, 0}, 1, {true, false, false}));
    }
    if (context->needs_input_grad(1)) {
      result[1] = tap_gradient(images, gradient, {taps.size(2), {padding[0], padding[1]}});
    }
    if (context->saved_data["bias"].toBool() && context->needs_input_grad(2)) {
      result[2] = gradient.sum({0, 2, 3});
    }
    return result;
  }
};

bool has_own_gradient(const at::Tensor& images, const at::Tensor& taps, std::array<int64_t, 2> padding) {
  return !at::autocast::is_autocast_enabled(at::kCUDA) && taps.requires_grad() && taps.scalar_type() == at::kFloat &&
         taps.size(2) == taps.size(3) && has_tap_gradient(images, taps.size(0), {taps.size(2), padding});
}

}  // namespace

at::Tensor tap_convolution(const at::Tensor& images, const at::Tensor& taps, const std::optional<at::Tensor>& bias,
                           std::array<int64_t, 2> padding) {
  if (!wants_gradients(images, taps, bias) || !has_own_gradient(images, taps, padding)) {
    return convolve(images, taps, bias, padding);
  }
  return TapConvolutionFunction::apply(images, taps, bias, padding);
}

}  // namespace finepune
