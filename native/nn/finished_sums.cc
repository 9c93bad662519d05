#include "finished_sums.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/cpu/direct_choice.h"
#include "ops/placed_pool.h"
#include "ops/rectified_sums.h"
#include "saved_grid.h"

namespace finepune {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor prepared(const at::Tensor& activations) { return activations.contiguous(at::MemoryFormat::ChannelsLast); }

class RectifiedSumsFunction : public torch::autograd::Function<RectifiedSumsFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& sums,
                            const std::optional<at::Tensor>& bias) {
    rectify_sums(sums, bias);
    context->mark_dirty({sums});
    context->save_for_backward({sums});
    context->saved_data["bias"] = bias.has_value();
    return sums;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const at::Tensor output = context->get_saved_variables()[0];
    const bool wants_bias = context->saved_data["bias"].toBool() && context->needs_input_grad(1);
    auto [sums, bias] = rectify_sums_backward(prepared(gradients[0]), output, wants_bias);
    return {sums, bias};
  }
};

class PooledSumsFunction : public torch::autograd::Function<PooledSumsFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& sums,
                            const std::optional<at::Tensor>& bias, bool rectify, const PoolWindows& windows) {
    const PoolGrid grid = grid_of(windows);
    const PooledSums pooled = pool_sums(sums, bias, rectify, grid);
    context->save_for_backward({pooled.places});
    context->saved_data["bias"] = bias.has_value();
    context->saved_data["grid"] = saved_grid(grid);
    return pooled.values;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const at::Tensor places = context->get_saved_variables()[0];
    const PoolGrid grid = restored_grid(context->saved_data["grid"].toIntVector());
    const bool wants_bias = context->saved_data["bias"].toBool() && context->needs_input_grad(1);
    auto [sums, bias] = pool_sums_backward(prepared(gradients[0]), places, grid, wants_bias);
    return {sums, bias, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

bool has_pooled_sums(const PoolWindows& windows) { return windows.kernel[0] * windows.kernel[1] <= most_window_cells; }

bool has_pooled_sums(const at::Tensor& sums, const PoolWindows& windows) {
  return has_pooled_sums(windows) && (sums.is_cuda() || has_placed_pool(sums, cpu::best_direct_kernels()));
}

at::Tensor rectified_sums(const at::Tensor& given, const std::optional<at::Tensor>& bias) {
  const at::Tensor sums = prepared(given);
  if (at::GradMode::is_enabled()) return RectifiedSumsFunction::apply(sums, bias);
  rectify_sums(sums, bias);
  return sums;
}

at::Tensor pooled_sums(const at::Tensor& given, const std::optional<at::Tensor>& bias, bool rectify,
                       const PoolWindows& windows) {
  const at::Tensor sums = prepared(given);
  if (at::GradMode::is_enabled()) {
    return PooledSumsFunction::apply(sums, bias, rectify, windows);
  }
  return pool_sums(sums, bias, rectify, grid_of(windows)).values;
}

}  // namespace finepune
