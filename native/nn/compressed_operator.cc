#include "nn/compressed_operator.h"

#include <ATen/ops/constant_pad_nd.h>

#include "nn/attributes.h"
#include "ops/compressed_convolution.h"
#include "ops/compressed_rows.h"

namespace finepune {
namespace {

// compress_rows and compress_convolution count in 32 bits.
constexpr int64_t most_floats = int64_t{1} << 30;

class CompressedLinear final : public CompressedOperator {
 public:
  CompressedLinear(Shape output, CompressedRows rows, std::optional<at::Tensor> bias)
      : CompressedOperator(std::move(output)), rows_(std::move(rows)), bias_(std::move(bias)) {}

  at::Tensor forward(c10::ArrayRef<at::Tensor> inputs, const ForwardContext&) override {
    return multiply_rows(rows_, inputs[0], bias_);
  }
  int64_t bytes() const override { return rows_.bytes(); }

 private:
  CompressedRows rows_;
  std::optional<at::Tensor> bias_;
};

class CompressedConvolutionOperator final : public CompressedOperator {
 public:
  CompressedConvolutionOperator(Shape output, Padding padding, CompressedConvolution convolution,
                                std::optional<at::Tensor> bias)
      : CompressedOperator(std::move(output)),
        padding_(padding),
        convolution_(std::move(convolution)),
        bias_(std::move(bias)) {}

  at::Tensor forward(c10::ArrayRef<at::Tensor> inputs, const ForwardContext&) override {
    const auto& [top, left, bottom, right] = padding_;
    const bool padded = top + left + bottom + right > 0;
    return convolve(convolution_, padded ? at::constant_pad_nd(inputs[0], {left, right, top, bottom}, 0) : inputs[0],
                    bias_);
  }
  int64_t bytes() const override { return convolution_.rows.bytes(); }

 private:
  Padding padding_;
  CompressedConvolution convolution_;
  std::optional<at::Tensor> bias_;
};

}  // namespace

std::unique_ptr<CompressedOperator> compress_operator(Network& network, size_t node) {
  const GraphNode& description = network.graph().nodes[node];
  const at::Tensor weight = network.parameter(description.name + ".weight").value.detach();
  std::optional<at::Tensor> bias;
  if (flag_attribute(description, "bias", true)) bias = network.parameter(description.name + ".bias").value.detach();
  if (weight.numel() >= most_floats) return nullptr;
  const Shape output = network.output_shape(node);
  if (description.op == "Gemm") return std::make_unique<CompressedLinear>(output, compress_rows(weight), bias);

  const Shape input = network.input_shape(node);
  const Padding padding = padding_attribute(description);
  PaddedConvolution shape;
  shape.height = input[1] + padding.top + padding.bottom;
  shape.width = input[2] + padding.left + padding.right;
  shape.strides = pair_attribute(description, "strides", 1, 1);
  shape.dilations = pair_attribute(description, "dilations", 1, 1);
  shape.groups = integer_attribute(description, "group", 1, 1);
  if (input[0] * shape.height * shape.width >= most_floats) return nullptr;
  return std::make_unique<CompressedConvolutionOperator>(output, padding, compress_convolution(weight, shape), bias);
}

}  // namespace finepune
