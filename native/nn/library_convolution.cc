#include "library_convolution.h"

#include <string_view>

#include <ATen/core/List.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/relu.h>

#include "channels_last.h"
#include "lower_precision.h"
#include "onednn_operator.h"
#include "wanted_gradients.h"

namespace finepune {
namespace {

using Pointwise = at::Tensor(const at::Tensor& images, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                             at::IntArrayRef padding, at::IntArrayRef strides, at::IntArrayRef dilations,
                             int64_t groups, std::string_view function, c10::List<std::optional<at::Scalar>> scalars,
                             std::optional<std::string_view> algorithm);

// The operator that applies a function to what a convolution writes; nothing where there is none.
const auto& pointwise() {
  static const auto handle = find_onednn_operator<Pointwise>("mkldnn::_convolution_pointwise");
  return handle;
}

at::Tensor convolve(const at::Tensor& images, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                    const LibraryConvolution& convolution, const OutputFinish& finish) {
  const auto& [strides, padding, dilations, groups] = convolution;
  const bool rectify = finish.rectify && finish.place == nullptr;
  const bool plain = images.is_cpu() && images.scalar_type() == weight.scalar_type() &&
                     (images.scalar_type() == at::kFloat || images.scalar_type() == at::kBFloat16);
  const bool fuse =
      rectify && finish.finite && plain && images.numel() > 0 && !wants_gradients(images, weight, bias);
  if (fuse && pointwise()) {
    return pointwise()->call(channels_last(images), channels_last(weight), bias, padding, strides, dilations, groups,
                             "relu", c10::List<std::optional<at::Scalar>>(), "");
  }
  at::Tensor output = at::convolution(images, weight, bias, strides, padding, dilations, false, {0, 0}, groups);
  return rectify ? at::relu_(output) : output;
}

}  // namespace

at::Tensor library_convolution(const at::Tensor& images, const at::Tensor& weight,
                               const std::optional<at::Tensor>& bias, const LibraryConvolution& convolution,
                               const OutputFinish& finish) {
  if (!lowers_products(images)) return convolve(images, weight, bias, convolution, finish);
  // On a CPU autocast knows at::conv2d but not at::convolution. On a GPU it knows both, and casts for convolve.
  const std::optional<at::Tensor> low_bias = bias ? std::optional(bias->to(at::kBFloat16)) : std::nullopt;
  return convolve(images.to(at::kBFloat16), weight.to(at::kBFloat16), low_bias, convolution, finish);
}

}  // namespace finepune
