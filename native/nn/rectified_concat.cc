#include "rectified_concat.h"

#include <vector>

#include <ATen/ops/clamp_min.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/threshold_backward.h>
#include <torch/csrc/autograd/custom_function.h>

namespace finepune {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor joined(at::TensorList inputs) {
  std::vector<int64_t> sizes = inputs[0].sizes().vec();
  sizes[1] = 0;
  at::ScalarType type = inputs[0].scalar_type();
  for (const at::Tensor& input : inputs) {
    sizes[1] += input.size(1);
    // The lower of two: what is rounded for one reader is so for all.
    if (input.scalar_type() == at::kBFloat16) type = at::kBFloat16;
  }
  return rectify_into_places(
      inputs, at::empty(sizes, inputs[0].options().dtype(type).memory_format(inputs[0].suggest_memory_format())));
}

class RectifiedConcatFunction : public torch::autograd::Function<RectifiedConcatFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, at::TensorList inputs) {
    std::vector<int64_t> channels;
    for (const at::Tensor& input : inputs) channels.push_back(input.size(1));
    context->saved_data["channels"] = channels;
    const at::Tensor output = joined(inputs);
    context->save_for_backward({output});
    return output;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const at::Tensor output = context->get_saved_variables()[0];
    variable_list result;
    int64_t first = 0;
    for (const int64_t channels : context->saved_data["channels"].toIntVector()) {
      result.push_back(context->needs_input_grad(result.size())
                           ? at::threshold_backward(gradients[0].narrow(1, first, channels),
                                                    output.narrow(1, first, channels), 0)
                           : at::Tensor());
      first += channels;
    }
    return result;
  }
};

}  // namespace

at::Tensor rectify_into_places(at::TensorList inputs, const at::Tensor& output) {
  int64_t first = 0;
  for (const at::Tensor& input : inputs) {
    at::Tensor part = output.narrow(1, first, input.size(1));
    first += input.size(1);
    if (input.scalar_type() != part.scalar_type()) {
      part.copy_(input).clamp_min_(0);
    } else if (input.const_data_ptr() != part.const_data_ptr()) {
      at::clamp_min_out(part, input, 0);
    }
  }
  return output;
}

at::Tensor rectified_concat(at::TensorList inputs) { return RectifiedConcatFunction::apply(inputs); }

}  // namespace finepune
