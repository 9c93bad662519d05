// Conv: attributes out_channels, kernel_shape, strides, pads, dilations, group, bias.
#include <ATen/ops/constant_pad_nd.h>

#include "attributes.h"
#include "finished_sums.h"
#include "library_convolution.h"
#include "lower_precision.h"
#include "max_pooled.h"
#include "operator.h"
#include "pooled_convolution.h"
#include "tap_convolution.h"
#include "unit_convolution.h"

namespace finepune {
namespace {

class Convolution final : public Operator {
 public:
  struct Geometry {
    std::array<int64_t, 2> strides, dilations;
    Padding padding;
    int64_t groups;
  };

  Convolution(Shape output, Geometry geometry, std::array<int64_t, 2> kernel, int64_t input_channels, size_t weight,
              std::optional<size_t> bias, at::Device device)
      : Operator(std::move(output)),
        geometry_(geometry),
        unit_{kernel, geometry.padding, geometry.groups},
        input_channels_(input_channels),
        weight_(weight),
        bias_(bias),
        device_(device) {}

  at::Tensor forward(c10::ArrayRef<at::Tensor> inputs, const ForwardContext& context) override {
    const Parameter& weight = context.parameters[weight_];
    std::optional<at::Tensor> bias;
    if (bias_) bias = context.parameters[*bias_].value;
    const Epilogue* epilogue = context.epilogue;
    if (device_.is_cpu()) {
      if (epilogue != nullptr && epilogue->pool != nullptr) return pooled(inputs[0], weight, bias, *epilogue->pool);
      const bool rectify = epilogue != nullptr || context.place != nullptr;
      return values(inputs[0], weight, bias, {rectify, context.finite, context.place});
    }
    if (epilogue == nullptr) return values(inputs[0], weight, bias, {});
    const at::Tensor plain = values(inputs[0], weight, std::nullopt, {});
    return epilogue->pool ? pooled_sums(plain, bias, /*rectify=*/true, *epilogue->pool) : rectified_sums(plain, bias);
  }

  bool output_may_be_overwritten() const override { return true; }
  bool has_epilogue() const override { return true; }
  bool has_pooling_epilogue(const PoolWindows& windows) const override {
    if (device_.is_cuda()) return has_pooled_sums(windows);
    const auto& [strides, dilations, padding, groups] = geometry_;
    return groups == 1 && dilations == std::array<int64_t, 2>{1, 1} &&
           has_pooled_convolution({unit_.kernel, strides, windows}, input_channels_, output_shape()[0]);
  }

 private:
  // On the CPU: with the rectifier and the pooling behind it.
  at::Tensor pooled(const at::Tensor& images, const Parameter& parameter, const std::optional<at::Tensor>& bias,
                    const PoolWindows& windows) const {
    const auto& [strides, dilations, padding, groups] = geometry_;
    const at::Tensor& weight = parameter.value;
    if (images.requires_grad() || !computes_here(images, weight) || lowers_products(images)) {
      return max_pooled(values(images, parameter, bias, {}), /*rectify=*/true, windows);
    }
    const PooledConvolution convolution{unit_.kernel, strides, windows};
    if (padding.top + padding.left + padding.bottom + padding.right == 0) {
      return pooled_convolution(images, weight, bias, convolution);
    }
    const auto padded = at::constant_pad_nd(images, {padding.left, padding.right, padding.top, padding.bottom}, 0);
    return pooled_convolution(padded, weight, bias, convolution);
  }

  at::Tensor values(const at::Tensor& images, const Parameter& parameter, const std::optional<at::Tensor>& bias,
                    const OutputFinish& finish) const {
    const auto& [strides, dilations, padding, groups] = geometry_;
    const at::Tensor& weight = parameter.value;
    const bool unit = strides == std::array<int64_t, 2>{1, 1} && dilations == std::array<int64_t, 2>{1, 1};
    if (unit) {
      const double kept = static_cast<double>(parameter.kept);
      const UnitChoice choice = choose_products(unit_, images, weight, kept / static_cast<double>(weight.numel()));
      if (!choice.is_librarys()) return unit_convolution(images, weight, bias, unit_, choice, finish);
    }
    if (const auto folding = folding_of(images, weight)) {
      const at::Tensor folded = fold_images(images, *folding), taps = fold_weight(weight, *folding);
      if (device_.is_cuda()) return tap_convolution(folded, taps, bias, {0, 0});
      const UnitChoice choice{Products::winograd, WeightProducts::winograd};
      return unit_convolution(folded, taps, bias, folding->folded(), choice, finish);
    }
    if (device_.is_cuda() && unit && groups == 1 && padding.symmetric()) {
      return tap_convolution(images, weight, bias, {padding.top, padding.left});
    }
    if (padding.symmetric()) {
      return library_convolution(images, weight, bias, {strides, {padding.top, padding.left}, dilations, groups},
                                 finish);
    }
    const auto padded = at::constant_pad_nd(images, {padding.left, padding.right, padding.top, padding.bottom}, 0);
    return library_convolution(padded, weight, bias, {strides, {0, 0}, dilations, groups}, finish);
  }

  // Where the layer is faster so; images get no gradient then.
  std::optional<Folding> folding_of(const at::Tensor& images, const at::Tensor& weight) const {
    const auto& [strides, dilations, padding, groups] = geometry_;
    const bool folds = strides[0] == strides[1] && strides[0] > 1 && dilations == std::array<int64_t, 2>{1, 1} &&
                       groups == 1 && !images.requires_grad();
    if (!folds) return std::nullopt;
    const Folding folding{strides[0], images.size(1), unit_.kernel, {output_shape()[1], output_shape()[2]}, padding};
    return folding_pays(folding, images, weight) ? std::optional(folding) : std::nullopt;
  }

  Geometry geometry_;
  UnitConvolution unit_;
  int64_t input_channels_;
  size_t weight_;
  std::optional<size_t> bias_;
  at::Device device_;
};

}  // namespace

std::unique_ptr<Operator> make_convolution(const BuildContext& context) {
  const GraphNode& node = context.node;
  const Shape& input = single_input(context, 3);
  const int64_t out_channels = required_integer_attribute(node, "out_channels", 1);
  const auto kernel = required_pair_attribute(node, "kernel_shape", 1);
  Convolution::Geometry geometry;
  geometry.strides = pair_attribute(node, "strides", 1, 1);
  geometry.dilations = pair_attribute(node, "dilations", 1, 1);
  geometry.padding = padding_attribute(node);
  geometry.groups = integer_attribute(node, "group", 1, 1);
  if (input[0] % geometry.groups != 0 || out_channels % geometry.groups != 0) {
    fail_node(node, std::to_string(input[0]) + " input and " + std::to_string(out_channels) +
                        " output channels do not divide into " + std::to_string(geometry.groups) + " groups");
  }
  const std::array<int64_t, 2> pads = {geometry.padding.top + geometry.padding.bottom,
                                       geometry.padding.left + geometry.padding.right};
  Shape output = {out_channels};
  for (size_t side = 0; side < 2; ++side) {
    const int64_t free = input[1 + side] + pads[side] - geometry.dilations[side] * (kernel[side] - 1) - 1;
    if (free < 0) fail_node(node, "the kernel is larger than its padded input " + describe_shape(input));
    output.push_back(free / geometry.strides[side] + 1);
  }
  const size_t weight = context.add_parameter(
      "weight", "weight", {out_channels, input[0] / geometry.groups, kernel[0], kernel[1]}, 0, true);
  std::optional<size_t> bias;
  if (flag_attribute(node, "bias", true)) bias = context.add_parameter("bias", "bias", {out_channels}, 0, false);
  return std::make_unique<Convolution>(std::move(output), geometry, kernel, input[0], weight, bias,
                                       context.device);
}

}  // namespace finepune
