// MaxPool, AveragePool {kernel_shape, strides, pads, ceil_mode, count_include_pad} and GlobalAveragePool.
#include <algorithm>
#include <limits>

#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/mul.h>

#include "attributes.h"
#include "operator.h"

namespace finepune {
namespace {

// The windows of a pooling node. Output sizes are those of Caffe and PyTorch: with ceil_mode a last, partly filled
// window counts only if it starts inside the image or its leading padding.
struct Windows {
  std::array<int64_t, 2> kernel, strides;
  Padding padding;
  bool ceil_mode = false;
  // [height, width] of input and output.
  std::array<int64_t, 2> input, output;

  int64_t leading(size_t side) const { return side == 0 ? padding.top : padding.left; }
  int64_t trailing(size_t side) const { return side == 0 ? padding.bottom : padding.right; }

  // Whether ATen's pooling takes this padding as it is: the same on both sides and at most half the kernel.
  bool direct() const { return padding.symmetric() && 2 * padding.top <= kernel[0] && 2 * padding.left <= kernel[1]; }

  // Pads (or crops) so that unpadded pooling in floor mode has exactly these windows.
  at::Tensor pad(const at::Tensor& images, double value) const {
    std::array<int64_t, 2> after;
    for (size_t side = 0; side < 2; ++side) {
      after[side] = (output[side] - 1) * strides[side] + kernel[side] - input[side] - leading(side);
    }
    return at::constant_pad_nd(images, {padding.left, after[1], padding.top, after[0]}, value);
  }
};

Windows read_windows(const BuildContext& context, const Shape& input) {
  const GraphNode& node = context.node;
  Windows windows;
  windows.kernel = required_pair_attribute(node, "kernel_shape", 1);
  windows.strides = pair_attribute(node, "strides", 1, 1);
  windows.padding = padding_attribute(node);
  windows.ceil_mode = flag_attribute(node, "ceil_mode", false);
  windows.input = {input[1], input[2]};
  for (size_t side = 0; side < 2; ++side) {
    const int64_t size = windows.input[side], kernel = windows.kernel[side], stride = windows.strides[side];
    const int64_t leading = windows.leading(side), trailing = windows.trailing(side);
    if (leading >= kernel || trailing >= kernel) fail_node(node, "attribute pads must stay below the kernel's size");
    const int64_t free = size + leading + trailing - kernel;
    if (free < 0) fail_node(node, "the kernel is larger than its padded input " + describe_shape(input));
    int64_t output = (windows.ceil_mode ? free + stride - 1 : free) / stride + 1;
    if (windows.ceil_mode && (output - 1) * stride >= size + leading) --output;
    windows.output[side] = output;
  }
  return windows;
}

Shape output_shape(const Shape& input, const Windows& windows) {
  return {input[0], windows.output[0], windows.output[1]};
}

class MaxPool final : public Operator {
 public:
  MaxPool(Shape output, Windows windows) : Operator(std::move(output)), windows_(windows) {}

  at::Tensor forward(c10::ArrayRef<at::Tensor> inputs, const ForwardContext&) override {
    const auto& [kernel, strides, padding, ceil_mode, input, output] = windows_;
    if (windows_.direct()) {
      return at::max_pool2d(inputs[0], kernel, strides, {padding.top, padding.left}, {1, 1}, ceil_mode);
    }
    const at::Tensor padded = windows_.pad(inputs[0], -std::numeric_limits<float>::infinity());
    return at::max_pool2d(padded, kernel, strides, {0, 0}, {1, 1}, false);
  }

 private:
  Windows windows_;
};

class AveragePool final : public Operator {
 public:
  AveragePool(Shape output, Windows windows, bool count_padding, at::Device device)
      : Operator(std::move(output)), windows_(windows), count_padding_(count_padding) {
    if (!windows.direct()) reciprocals_ = window_reciprocals().to(device);
  }

  at::Tensor forward(c10::ArrayRef<at::Tensor> inputs, const ForwardContext&) override {
    const auto& [kernel, strides, padding, ceil_mode, input, output] = windows_;
    if (windows_.direct()) {
      return at::avg_pool2d(inputs[0], kernel, strides, {padding.top, padding.left}, ceil_mode, count_padding_);
    }
    const at::Tensor sums = at::avg_pool2d(windows_.pad(inputs[0], 0), kernel, strides, {0, 0}, false, true, 1);
    return at::mul(sums, reciprocals_.to(sums.scalar_type()));
  }

 private:
  // 1 / (cells of each window that count), [1, 1, height, width].
  at::Tensor window_reciprocals() const {
    const auto cells = [&](size_t side, int64_t place) {
      const int64_t size = windows_.input[side], leading = windows_.leading(side);
      const int64_t begin = place * windows_.strides[side] - leading;
      const int64_t end = begin + windows_.kernel[side];
      if (count_padding_) return std::min(end, size + windows_.trailing(side)) - begin;
      return std::min(end, size) - std::max<int64_t>(begin, 0);
    };
    at::Tensor reciprocals =
        at::empty({1, 1, windows_.output[0], windows_.output[1]}, at::TensorOptions().dtype(at::kFloat));
    float* values = reciprocals.mutable_data_ptr<float>();
    for (int64_t y = 0; y < windows_.output[0]; ++y) {
      for (int64_t x = 0; x < windows_.output[1]; ++x) {
        *values++ = 1.0f / static_cast<float>(std::max<int64_t>(cells(0, y) * cells(1, x), 1));
      }
    }
    return reciprocals;
  }

  Windows windows_;
  bool count_padding_;
  at::Tensor reciprocals_;
};

class GlobalAveragePool final : public Operator {
 public:
  using Operator::Operator;

  at::Tensor forward(c10::ArrayRef<at::Tensor> inputs, const ForwardContext&) override {
    return at::mean(inputs[0], {2, 3}, true);
  }
};

}  // namespace

std::unique_ptr<Operator> make_max_pool(const BuildContext& context) {
  const Shape& input = single_input(context, 3);
  const Windows windows = read_windows(context, input);
  return std::make_unique<MaxPool>(output_shape(input, windows), windows);
}

std::unique_ptr<Operator> make_average_pool(const BuildContext& context) {
  const Shape& input = single_input(context, 3);
  const Windows windows = read_windows(context, input);
  const bool count_padding = flag_attribute(context.node, "count_include_pad", false);
  return std::make_unique<AveragePool>(output_shape(input, windows), windows, count_padding, context.device);
}

std::unique_ptr<Operator> make_global_average_pool(const BuildContext& context) {
  const Shape& input = single_input(context, 3);
  return std::make_unique<GlobalAveragePool>(Shape{input[0], 1, 1});
}

}  // namespace finepune
