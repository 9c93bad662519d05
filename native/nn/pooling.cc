// MaxPool, AveragePool {kernel_shape, strides, pads, ceil_mode, count_include_pad} and GlobalAveragePool.
#include <algorithm>

#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/mul.h>

#include "attributes.h"
#include "max_pooled.h"
#include "operator.h"
#include "pool_windows.h"

namespace finepune {
namespace {

Shape output_shape(const Shape& input, const PoolWindows& windows) {
  return {input[0], windows.output[0], windows.output[1]};
}

class MaxPool final : public Operator {
 public:
  MaxPool(Shape output, PoolWindows windows, at::Device device)
      : Operator(std::move(output)), windows_(windows), device_(device) {}

  at::Tensor forward(c10::ArrayRef<at::Tensor> inputs, const ForwardContext&) override {
    return max_pooled(inputs[0], rectifies_, windows_);
  }

  const PoolWindows* max_pool_windows() const override { return &windows_; }

  // On a GPU a convolution rectifies as it pools, and adds its bias.
  bool rectify_inputs() override { return rectifies_ = device_.is_cpu(); }

 private:
  PoolWindows windows_;
  at::Device device_;
  bool rectifies_ = false;
};

class AveragePool final : public Operator {
 public:
  AveragePool(Shape output, PoolWindows windows, bool count_padding, at::Device device)
      : Operator(std::move(output)), windows_(windows), count_padding_(count_padding) {
    if (!windows.is_librarys()) reciprocals_ = window_reciprocals().to(device);
  }

  at::Tensor forward(c10::ArrayRef<at::Tensor> inputs, const ForwardContext&) override {
    const auto& [kernel, strides, padding, ceil_mode, input, output] = windows_;
    if (windows_.is_librarys()) {
      return at::avg_pool2d(inputs[0], kernel, strides, {padding.top, padding.left}, ceil_mode, count_padding_);
    }
    const at::Tensor sums = at::avg_pool2d(padded_for_windows(inputs[0], windows_, 0), kernel, strides, {0, 0}, false, true, 1);
    return at::mul(sums, reciprocals_.to(sums.scalar_type()));
  }

 private:
  // 1 / (cells of each window that count), [1, 1, height, width].
  at::Tensor window_reciprocals() const {
    at::Tensor reciprocals =
        at::empty({1, 1, windows_.output[0], windows_.output[1]}, at::TensorOptions().dtype(at::kFloat));
    float* values = reciprocals.mutable_data_ptr<float>();
    for (int64_t y = 0; y < windows_.output[0]; ++y) {
      for (int64_t x = 0; x < windows_.output[1]; ++x) {
        const int64_t cells = windows_.cells(0, y, count_padding_) * windows_.cells(1, x, count_padding_);
        *values++ = 1.0f / static_cast<float>(std::max<int64_t>(cells, 1));
      }
    }
    return reciprocals;
  }

  PoolWindows windows_;
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
  const PoolWindows windows = read_pool_windows(context.node, input);
  return std::make_unique<MaxPool>(output_shape(input, windows), windows, context.device);
}

std::unique_ptr<Operator> make_average_pool(const BuildContext& context) {
  const Shape& input = single_input(context, 3);
  const PoolWindows windows = read_pool_windows(context.node, input);
  const bool count_padding = flag_attribute(context.node, "count_include_pad", false);
  return std::make_unique<AveragePool>(output_shape(input, windows), windows, count_padding, context.device);
}

std::unique_ptr<Operator> make_global_average_pool(const BuildContext& context) {
  const Shape& input = single_input(context, 3);
  return std::make_unique<GlobalAveragePool>(Shape{input[0], 1, 1});
}

}  // namespace finepune
