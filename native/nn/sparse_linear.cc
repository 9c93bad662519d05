#include "sparse_linear.h"

#include <algorithm>

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/cpu/direct_choice.h"
#include "sparse_rows.h"

namespace finepune {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Inputs of a block, whose images fit a core's own cache, and rows that a thread takes at a time.
constexpr int64_t kBlockInputs = 1024, kPieceRows = 64;
// Above this density, or with fewer images, the library's dense product is as fast: the weights must be sorted first.
constexpr double kDensest = 0.3;
constexpr int64_t kFewestImages = 16;

// Images side by side for each feature: [features, images], the images filled up with zeros to whole vectors.
at::Tensor by_feature(const at::Tensor& values, const cpu::DirectKernels& kernels) {
  const int64_t images = values.size(0), padded = (images + kernels.lanes - 1) / kernels.lanes * kernels.lanes;
  at::Tensor turned = at::zeros({values.size(1), padded}, at::kFloat);
  turned.narrow(1, 0, images).copy_(values.t());
  return turned;
}

SparseRows rows_of(const at::Tensor& weight) {
  return rows_of_outputs(weight.contiguous(), {{0}, 1}, std::min(kBlockInputs, weight.size(1)));
}

at::Tensor forward_values(const at::Tensor& input, const SparseRows& rows, const std::optional<at::Tensor>& bias,
                          const cpu::DirectKernels& kernels) {
  const at::Tensor features = by_feature(input, kernels);
  const int64_t images = features.size(1);
  at::Tensor sums = at::empty({rows.rows, images}, at::kFloat);
  const float* from = features.const_data_ptr<float>();
  float* to = sums.mutable_data_ptr<float>();
  at::parallel_for(0, (rows.rows + kPieceRows - 1) / kPieceRows, 1, [&](int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t first = piece * kPieceRows, count = std::min(kPieceRows, rows.rows - first);
      for (int64_t block = 0; block < rows.blocks; ++block) {
        kernels.sparse({from + block * rows.block_channels * images, rows.entry_offsets(), rows.entry_values(),
                        rows.block_starts(block) + first, count, images, images / kernels.lanes, to + first * images,
                        images, block > 0});
      }
    }
  });
  const at::Tensor output = sums.narrow(1, 0, input.size(0)).t();
  return bias ? output.add(*bias).contiguous() : output.contiguous();
}

at::Tensor input_gradient(const at::Tensor& gradient, const SparseRows& rows, int64_t inputs,
                          const cpu::DirectKernels& kernels) {
  const at::Tensor outputs = by_feature(gradient, kernels);
  const int64_t images = outputs.size(1);
  at::Tensor sums = at::empty({inputs, images}, at::kFloat);
  const float* from = outputs.const_data_ptr<float>();
  float* to = sums.mutable_data_ptr<float>();
  // No two blocks add to the same inputs.
  at::parallel_for(0, rows.blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block * rows.block_channels, last = std::min(first + rows.block_channels, inputs);
      std::fill(to + first * images, to + last * images, 0.0f);
      kernels.scatter({from, rows.entry_offsets(), rows.entry_values(), rows.block_starts(block), rows.rows, images,
                       images / kernels.lanes, to + first * images});
    }
  });
  return sums.narrow(1, 0, gradient.size(0)).t().contiguous();
}

class SparseLinearFunction : public torch::autograd::Function<SparseLinearFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias, const cpu::DirectKernels& kernels) {
    const SparseRows rows = rows_of(weight);
    // The sorted weights serve both ways.
    context->save_for_backward({input, rows.starts, rows.offsets, rows.values});
    context->saved_data["shape"] = std::vector<int64_t>{rows.rows, rows.blocks, rows.block_channels};
    context->saved_data["kernels"] = std::string(kernels.name);
    context->saved_data["bias"] = bias.has_value();
    return forward_values(input, rows, bias, kernels);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const std::vector<int64_t> shape = context->saved_data["shape"].toIntVector();
    const SparseRows rows{shape[0], shape[1], shape[2], saved[1], saved[2], saved[3]};
    const at::Tensor& gradient = gradients[0];
    variable_list result(4);
    if (context->needs_input_grad(0)) {
      result[0] = input_gradient(gradient, rows, saved[0].size(1),
                                 *cpu::find_direct_kernels(context->saved_data["kernels"].toStringRef()));
    }
    if (context->needs_input_grad(1)) result[1] = at::mm(gradient.t(), saved[0]);
    if (context->saved_data["bias"].toBool() && context->needs_input_grad(2)) result[2] = gradient.sum(0);
    return result;
  }
};

}  // namespace

bool is_sparse_linear_faster(const at::Tensor& input, const at::Tensor& weight, double density) {
  const bool plain = input.is_cpu() && input.dim() == 2 && input.scalar_type() == at::kFloat &&
                     weight.scalar_type() == at::kFloat && !at::autocast::is_autocast_enabled(at::kCPU);
  return plain && density < kDensest && input.size(0) >= kFewestImages && cpu::best_direct_kernels().lanes >= 8;
}

at::Tensor sparse_linear(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                         const cpu::DirectKernels* kernels) {
  const cpu::DirectKernels& chosen = kernels == nullptr ? cpu::best_direct_kernels() : *kernels;
  const bool learns = input.requires_grad() || weight.requires_grad() || (bias && bias->requires_grad());
  if (at::GradMode::is_enabled() && learns) return SparseLinearFunction::apply(input, weight, bias, chosen);
  return forward_values(input, rows_of(weight), bias, chosen);
}

}  // namespace finepune
