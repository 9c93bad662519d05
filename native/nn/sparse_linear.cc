#include "sparse_linear.h"

#include <algorithm>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include "linear_weight_gradient.h"
#include "ops/cpu/direct_choice.h"
#include "packed_weight.h"
#include "wanted_gradients.h"

namespace finepune {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

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

at::Tensor forward_values(const at::Tensor& input, const PackedWeight& weight, const std::optional<at::Tensor>& bias,
                          const cpu::DirectKernels& kernels) {
  const at::Tensor features = by_feature(input, kernels);
  const int64_t images = features.size(1);
  at::Tensor sums = at::empty({weight.rows(), images}, at::kFloat);
  const float* from = features.const_data_ptr<float>();
  float* to = sums.mutable_data_ptr<float>();
  at::parallel_for(0, weight.row_groups(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t group = begin; group < end; ++group) {
      for (int64_t block = 0; block < weight.blocks(); ++block) {
        const PackedWeight::Piece& piece = weight.piece(group, block);
        kernels.sparse({from + block * PackedWeight::kPieceInputs * images, piece.offsets, piece.values, piece.starts,
                        weight.rows_of(group), images, images / kernels.lanes,
                        to + group * PackedWeight::kPieceRows * images, images, block > 0});
      }
    }
  });
  const at::Tensor output = sums.narrow(1, 0, input.size(0)).t();
  return bias ? output.add(*bias).contiguous() : output.contiguous();
}

at::Tensor input_gradient(const at::Tensor& gradient, const PackedWeight& weight, const cpu::DirectKernels& kernels) {
  const at::Tensor outputs = by_feature(gradient, kernels);
  const int64_t images = outputs.size(1);
  at::Tensor sums = at::empty({weight.inputs(), images}, at::kFloat);
  const float* from = outputs.const_data_ptr<float>();
  float* to = sums.mutable_data_ptr<float>();
  // No two blocks add to the same inputs.
  at::parallel_for(0, weight.blocks(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      float* block_sums = to + block * PackedWeight::kPieceInputs * images;
      std::fill(block_sums, block_sums + weight.inputs_of(block) * images, 0.0f);
      for (int64_t group = 0; group < weight.row_groups(); ++group) {
        const PackedWeight::Piece& piece = weight.piece(group, block);
        kernels.scatter({from + group * PackedWeight::kPieceRows * images, piece.offsets, piece.values, piece.starts,
                         weight.rows_of(group), images, images / kernels.lanes, block_sums});
      }
    }
  });
  return sums.narrow(1, 0, gradient.size(0)).t().contiguous();
}

class SparseLinearFunction : public torch::autograd::Function<SparseLinearFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias, const c10::intrusive_ptr<GradientFactors>& factors,
                            const cpu::DirectKernels& kernels) {
    const auto packed = c10::make_intrusive<PackedWeight>(weight.contiguous(), kernels);
    // The packed weights serve both ways.
    context->save_for_backward({input});
    context->saved_data["weight"] = c10::IValue::make_capsule(packed);
    context->saved_data["kernels"] = std::string(kernels.name);
    context->saved_data["bias"] = bias.has_value();
    save_factors(*context, factors);
    return forward_values(input, *packed, bias, kernels);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const at::Tensor input = context->get_saved_variables()[0];
    const auto packed =
        c10::static_intrusive_pointer_cast<PackedWeight>(context->saved_data["weight"].toCapsule());
    const at::Tensor& gradient = gradients[0];
    variable_list result(5);
    if (context->needs_input_grad(0)) {
      result[0] = input_gradient(gradient, *packed,
                                 *cpu::find_direct_kernels(context->saved_data["kernels"].toStringRef()));
    }
    if (context->needs_input_grad(1)) result[1] = linear_weight_gradient(*context, gradient, input);
    if (context->saved_data["bias"].toBool() && context->needs_input_grad(2)) result[2] = gradient.sum(0);
    return result;
  }
};

}  // namespace

bool is_sparse_linear_faster(const at::Tensor& input, const at::Tensor& weight, double density) {
  const at::ScalarType type = input.scalar_type();
  const bool plain = input.is_cpu() && input.dim() == 2 && (type == at::kFloat || type == at::kBFloat16) &&
                     weight.scalar_type() == at::kFloat;
  return plain && density < kDensest && input.size(0) >= kFewestImages && cpu::best_direct_kernels().lanes >= 8;
}

at::Tensor sparse_linear(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                         c10::intrusive_ptr<GradientFactors> factors, const cpu::DirectKernels* kernels) {
  const cpu::DirectKernels& chosen = kernels == nullptr ? cpu::best_direct_kernels() : *kernels;
  if (wants_gradients(input, weight, bias)) return SparseLinearFunction::apply(input, weight, bias, factors, chosen);
  return forward_values(input, PackedWeight(weight.contiguous(), chosen), bias, chosen);
}

}  // namespace finepune
