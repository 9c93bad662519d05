// MaxPool, AveragePool {kernel_shape, strides, pads, ceil_mode, count_include_pad} and GlobalAveragePool.
#include <algorithm>
#include <limits>

#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/mul.h>
#include <c10/core/GradMode.h>

#include "attributes.h"
#include "finished_sums.h"
#include "max_pool.h"
#include "operator.h"
#include "ops/cpu/direct_choice.h"
#include "pool_windows.h"

namespace finepune {
namespace {

// Whether ATen's pooling takes this padding as it is: the same on both sides and at most half the kernel.
bool is_direct(const PoolWindows& windows) {
  const Padding& padding = windows.padding;
  return padding.symmetric() && 2 * padding.top <= windows.kernel[0] && 2 * padding.left <= windows.kernel[1];
}

// Pads (or crops) so that unpadded pooling in floor mode has exactly these windows.
at::Tensor pad(const PoolWindows& windows, const at::Tensor& images, double value) {
  std::array<int64_t, 2> after;
  for (size_t side = 0; side < 2; ++side) {
    after[side] = (windows.output[side] - 1) * windows.strides[side] + windows.kernel[side] - windows.input[side] -
                  windows.leading(side);
  }
  return at::constant_pad_nd(images, {windows.padding.left, after[1], windows.padding.top, after[0]}, value);
}

Shape output_shape(const Shape& input, const PoolWindows& windows) {
  return {input[0], windows.output[0], windows.output[1]};
}

class MaxPool final : public Operator {
 public:
  MaxPool(Shape output, PoolWindows windows) : Operator(std::move(output)), windows_(windows) {}

  at::Tensor forward(c10::ArrayRef<at::Tensor> inputs, const ForwardContext&) override {
    if (inputs[0].is_cuda() && has_pooled_sums(windows_)) {
      return pooled_sums(inputs[0], std::nullopt, /*rectify=*/false, windows_);
    }
    const auto& [kernel, strides, padding, ceil_mode, input, output] = windows_;
    const cpu::DirectKernels& kernels = cpu::best_direct_kernels();
    if (!(at::GradMode::is_enabled() && inputs[0].requires_grad()) && has_max_pool(inputs[0], kernels)) {
      return max_pool(inputs[0], windows_, kernels);
    }
    if (is_direct(windows_)) {
      return at::max_pool2d(inputs[0], kernel, strides, {padding.top, padding.left}, {1, 1}, ceil_mode);
    }
    const at::Tensor padded = pad(windows_, inputs[0], -std::numeric_limits<float>::infinity());
    return at::max_pool2d(padded, kernel, strides, {0, 0}, {1, 1}, false);
  }

  const PoolWindows* max_pool_windows() const override { return &windows_; }

 private:
  PoolWindows windows_;
};

class AveragePool final : public Operator {
 public:
  AveragePool(Shape output, PoolWindows windows, bool count_padding, at::Device device)
      : Operator(std::move(output)), windows_(windows), count_padding_(count_padding) {
    if (!is_direct(windows)) reciprocals_ = window_reciprocals().to(device);
  }

  at::Tensor forward(c10::ArrayRef<at::Tensor> inputs, const ForwardContext&) override {
    const auto& [kernel, strides, padding, ceil_mode, input, output] = windows_;
    if (is_direct(windows_)) {
      return at::avg_pool2d(inputs[0], kernel, strides, {padding.top, padding.left}, ceil_mode, count_padding_);
    }
    const at::Tensor sums = at::avg_pool2d(pad(windows_, inputs[0], 0), kernel, strides, {0, 0}, false, true, 1);
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
  return std::make_unique<MaxPool>(output_shape(input, windows), windows);
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
