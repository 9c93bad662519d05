#include "unit_convolution.h"

#include <string>
#include <vector>

#include <ATen/autocast_mode.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "sparse_products.h"
#include "weight_gradient.h"

namespace finepune {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// What things cost in multiplications of a dense convolution (test/bench/NOTES.md): a channel of a pixel copied in or
// out, a weight sorted into rows, and a non-zero multiplied, on CPUs with vectors of 8 and of 16 floats; a
// multiplication of the gradient by the weights in libtorch and here, where vectors have 8 floats.
constexpr double kCopyCost = 32, kSortCost = 65, kNonzeroCost = 1.9, kWideNonzeroCost = 3;
constexpr double kLibraryGradientCost = 1.9, kGradientCost = 1.1, kGradientCopyCost = 160;
// Share of the dense cost that must be saved.
constexpr double kMargin = 0.1;
// Fewer images leave most of a pixel unused.
constexpr int64_t kFewestImages = 5;

at::Tensor prepared(const at::Tensor& tensor) { return tensor.contiguous(at::MemoryFormat::ChannelsLast); }

at::Tensor dense_values(const at::Tensor& images, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                        const UnitConvolution& convolution) {
  const Padding& padding = convolution.padding;
  return at::convolution(images, weight, bias, {1, 1}, {padding.top, padding.left}, {1, 1}, false, {0, 0},
                         convolution.groups);
}

// By the images, by the weights, or both, as libtorch computes them.
std::array<at::Tensor, 2> dense_gradients(const at::Tensor& gradient, const at::Tensor& images,
                                          const at::Tensor& weight, const UnitConvolution& convolution,
                                          std::array<bool, 2> wanted) {
  const Padding& padding = convolution.padding;
  const auto [by_images, by_weight, none] = at::convolution_backward(
      gradient, images, weight, std::nullopt, {1, 1}, {padding.top, padding.left}, {1, 1}, false, {0, 0},
      convolution.groups, {wanted[0], wanted[1], false});
  return {by_images, by_weight};
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
    context->saved_data["choice"] = std::vector<int64_t>{choice.sparse, choice.own_gradient};
    context->saved_data["kernels"] = std::string(choice.kernels->name);
    context->saved_data["bias"] = bias.has_value();
    return choice.sparse ? sparse_output(images, weight, bias, convolution, *choice.kernels)
                         : dense_values(images, weight, bias, convolution);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor images = prepared(saved[0]), gradient = prepared(gradients[0]);
    const at::Tensor& weight = saved[1];
    const std::vector<int64_t> geometry = context->saved_data["geometry"].toIntVector();
    const std::vector<int64_t> choice = context->saved_data["choice"].toIntVector();
    const UnitConvolution convolution{
        {geometry[0], geometry[1]}, {geometry[2], geometry[3], geometry[2], geometry[3]}, geometry[4]};
    const cpu::DirectKernels& kernels = *cpu::find_direct_kernels(context->saved_data["kernels"].toStringRef());
    const bool by_images = context->needs_input_grad(0), by_weight = context->needs_input_grad(1);
    const bool sparse = choice[0] != 0, own = choice[1] != 0;
    variable_list result(5);
    if (by_images && sparse) result[0] = sparse_input_gradient(gradient, weight, convolution, kernels);
    if (by_weight && own) {
      result[1] = weight_gradient(images, gradient, convolution.kernel, convolution.padding, convolution.groups,
                                  kernels);
    }
    const std::array<bool, 2> left = {by_images && !sparse, by_weight && !own};
    if (left[0] || left[1]) {
      const auto dense = dense_gradients(gradient, images, weight, convolution, left);
      if (left[0]) result[0] = dense[0];
      if (left[1]) result[1] = dense[1];
    }
    if (context->saved_data["bias"].toBool() && context->needs_input_grad(2)) result[2] = gradient.sum({0, 2, 3});
    return result;
  }
};

}  // namespace

UnitChoice choose_products(const UnitConvolution& convolution, const at::Tensor& images, const at::Tensor& weight,
                           double density) {
  UnitChoice choice;
  const bool plain = images.is_cpu() && images.scalar_type() == at::kFloat && weight.scalar_type() == at::kFloat &&
                     !at::autocast::is_autocast_enabled(at::kCPU);
  const auto& [kernel, padding, groups] = convolution;
  const bool turns_round = padding.symmetric() && padding.top < kernel[0] && padding.left < kernel[1];
  // With all the padding that the gradient by the input can ask for.
  const int64_t height = images.size(2) + 2 * kernel[0], width = images.size(3) + 2 * kernel[1];
  if (!plain || !turns_round || images.size(0) < kFewestImages || height * width > kMostSparsePlane) return choice;
  const int64_t lanes = choice.kernels->lanes;
  if (lanes < 8) return choice;
  const auto rows = static_cast<double>(weight.size(0));
  const auto pixels = static_cast<double>(images.size(0) * height * width);
  const double dense = rows * static_cast<double>(weight.size(1) * kernel[0] * kernel[1]);
  const double channels = rows + static_cast<double>(images.size(1));
  const double nonzero = lanes == 8 ? kNonzeroCost : kWideNonzeroCost;
  const double sparse = nonzero * density * dense + kCopyCost * channels + kSortCost * dense / pixels;
  choice.sparse = sparse < (1 - kMargin) * dense;
  const double own_gradient = kGradientCost * dense + kGradientCopyCost * channels;
  choice.own_gradient = lanes == 8 && own_gradient < (1 - kMargin) * kLibraryGradientCost * dense;
  return choice;
}

at::Tensor unit_convolution(const at::Tensor& images, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                            const UnitConvolution& convolution, const UnitChoice& choice) {
  const bool learns = images.requires_grad() || weight.requires_grad() || (bias && bias->requires_grad());
  if (at::GradMode::is_enabled() && learns) {
    return UnitConvolutionFunction::apply(images, weight, bias, convolution, choice);
  }
  return choice.sparse ? sparse_output(images, weight, bias, convolution, *choice.kernels)
                       : dense_values(images, weight, bias, convolution);
}

}  // namespace finepune
