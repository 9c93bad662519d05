#include "unit_convolution.h"

#include <string>
#include <vector>

#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/relu.h>
#include <torch/csrc/autograd/custom_function.h>

#include "channels_last.h"
#include "library_convolution.h"
#include "wanted_gradients.h"
#include "weight_gradient.h"
#include "winograd_convolution.h"

namespace finepune {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// By the images, by the weights, or both, as libtorch computes them, in the type asked for.
std::array<at::Tensor, 2> dense_gradients(const at::Tensor& gradient, const at::Tensor& images,
                                          const at::Tensor& weight, const UnitConvolution& convolution,
                                          at::ScalarType type, std::array<bool, 2> wanted) {
  const Padding& padding = convolution.padding;
  const auto [by_images, by_weight, none] = at::convolution_backward(
      gradient.to(type), images.to(type), weight.to(type), std::nullopt, {1, 1}, {padding.top, padding.left}, {1, 1},
      false, {0, 0}, convolution.groups, {wanted[0], wanted[1], false});
  return {by_images, by_weight};
}

at::Tensor output_of(const at::Tensor& images, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                     const UnitConvolution& convolution, const UnitChoice& choice, const OutputFinish& finish) {
  switch (choice.products) {
    case Products::sparse:
      return sparse_output(images.to(at::kFloat), weight, bias, convolution, *choice.kernels, finish);
    case Products::winograd:
      return winograd_output(images.to(at::kFloat), weight, bias, convolution, *choice.kernels->tiles, finish);
    case Products::library:
      break;
  }
  const Padding& padding = convolution.padding;
  return library_convolution(images, weight, bias, {{1, 1}, {padding.top, padding.left}, {1, 1}, convolution.groups},
                             finish);
}

// By the images and by the weights, where wanted.
std::array<at::Tensor, 2> gradients_of(const at::Tensor& gradient, const at::Tensor& images, const at::Tensor& weight,
                                       const UnitConvolution& convolution, const UnitChoice& choice,
                                       std::array<bool, 2> wanted) {
  const cpu::DirectKernels& kernels = *choice.kernels;
  std::array<bool, 2> left = wanted;
  std::array<at::Tensor, 2> result;
  const at::Tensor whole = choice.is_librarys() ? at::Tensor() : gradient.to(at::kFloat);
  if (wanted[0] && choice.products != Products::library) {
    result[0] = choice.products == Products::sparse
                    ? sparse_input_gradient(whole, weight, convolution, kernels)
                    : winograd_input_gradient(whole, weight, convolution, *kernels.tiles);
    left[0] = false;
  }
  if (wanted[1] && choice.weight_products != WeightProducts::library) {
    const at::Tensor whole_images = images.to(at::kFloat);
    result[1] = choice.weight_products == WeightProducts::planes
                    ? weight_gradient(whole_images, whole, convolution.kernel, convolution.padding, convolution.groups,
                                      kernels)
                    : winograd_weight_gradient(whole_images, whole, convolution, *kernels.tiles);
    left[1] = false;
  }
  if (left[0] || left[1]) {
    const at::ScalarType type = choice.lower ? at::kBFloat16 : at::kFloat;
    const auto dense = dense_gradients(gradient, images, weight, convolution, type, left);
    for (size_t i = 0; i < 2; ++i) {
      if (left[i]) result[i] = dense[i];
    }
  }
  return result;
}

class UnitConvolutionFunction : public torch::autograd::Function<UnitConvolutionFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& images, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias, const UnitConvolution& convolution,
                            const UnitChoice& choice) {
    context->save_for_backward({images, weight});
    const Padding& padding = convolution.padding;
    context->saved_data["geometry"] = std::vector<int64_t>{convolution.kernel[0], convolution.kernel[1], padding.top,
                                                           padding.left,          convolution.groups};
    context->saved_data["choice"] = std::vector<int64_t>{static_cast<int64_t>(choice.products),
                                                         static_cast<int64_t>(choice.weight_products), choice.lower};
    context->saved_data["kernels"] = std::string(choice.kernels->name);
    context->saved_data["bias"] = bias.has_value();
    return output_of(images, weight, bias, convolution, choice, {});
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor images = channels_last(saved[0]), gradient = channels_last(gradients[0]);
    const at::Tensor& weight = saved[1];
    const std::vector<int64_t> geometry = context->saved_data["geometry"].toIntVector();
    const std::vector<int64_t> choice = context->saved_data["choice"].toIntVector();
    const UnitConvolution convolution{
        {geometry[0], geometry[1]}, {geometry[2], geometry[3], geometry[2], geometry[3]}, geometry[4]};
    const UnitChoice made{static_cast<Products>(choice[0]), static_cast<WeightProducts>(choice[1]),
                          cpu::find_direct_kernels(context->saved_data["kernels"].toStringRef()), choice[2] != 0};
    variable_list result(5);
    const auto by = gradients_of(gradient, images, weight, convolution, made,
                                 {context->needs_input_grad(0), context->needs_input_grad(1)});
    result[0] = by[0];
    result[1] = by[1];
    if (context->saved_data["bias"].toBool() && context->needs_input_grad(2)) {
      result[2] = gradient.sum({0, 2, 3}, /*keepdim=*/false, at::kFloat);
    }
    return result;
  }
};

}  // namespace

at::Tensor unit_convolution(const at::Tensor& images, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                            const UnitConvolution& convolution, const UnitChoice& choice,
                            const OutputFinish& finish) {
  if (!wants_gradients(images, weight, bias)) return output_of(images, weight, bias, convolution, choice, finish);
  at::Tensor output = UnitConvolutionFunction::apply(images, weight, bias, convolution, choice);
  return finish.rectify ? at::relu_(output) : output;
}

}  // namespace finepune
