#include "max_pooled.h"

#include <limits>

#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/relu.h>
#include <c10/core/GradMode.h>

#include "finished_sums.h"
#include "max_pool.h"
#include "ops/cpu/direct_choice.h"

namespace finepune {
namespace {

at::Tensor librarys(const at::Tensor& images, const PoolWindows& windows) {
  const auto& [kernel, strides, padding, ceil_mode, input, output] = windows;
  if (windows.is_librarys()) {
    return at::max_pool2d(images, kernel, strides, {padding.top, padding.left}, {1, 1}, ceil_mode);
  }
  const at::Tensor padded = padded_for_windows(images, windows, -std::numeric_limits<float>::infinity());
  return at::max_pool2d(padded, kernel, strides, {0, 0}, {1, 1}, false);
}

}  // namespace

at::Tensor max_pooled(const at::Tensor& images, bool rectify, const PoolWindows& windows) {
  const cpu::DirectKernels& kernels = cpu::best_direct_kernels();
  const bool learns = at::GradMode::is_enabled() && images.requires_grad();
  if (!learns && has_max_pool(images, kernels)) {
    at::Tensor largest = max_pool(images, windows, kernels);
    return rectify ? at::relu_(largest) : largest;
  }
  if (has_pooled_sums(images, windows)) return pooled_sums(images, std::nullopt, rectify, windows);
  const at::Tensor largest = librarys(images, windows);
  return rectify ? at::relu(largest) : largest;
}

at::Tensor padded_for_windows(const at::Tensor& images, const PoolWindows& windows, double value) {
  std::array<int64_t, 2> after;
  for (size_t side = 0; side < 2; ++side) {
    after[side] = (windows.output[side] - 1) * windows.strides[side] + windows.kernel[side] - windows.input[side] -
                  windows.leading(side);
  }
  return at::constant_pad_nd(images, {windows.padding.left, after[1], windows.padding.top, after[0]}, value);
}

}  // namespace finepune
