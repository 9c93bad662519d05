// Add, Concat {axis: 1}, Flatten {axis: 1}.
#include <ATen/ops/add.h>
#include <ATen/ops/cat.h>

#include "attributes.h"
#include "max_pooled.h"
#include "operator.h"
#include "rectified_concat.h"

namespace finepune {
namespace {

class Add final : public Operator {
 public:
  using Operator::Operator;

  at::Tensor forward(c10::ArrayRef<at::Tensor> inputs, const ForwardContext&) override {
    if (!in_place_) return at::add(inputs[0], inputs[1]);
    at::Tensor sum = inputs[0];
    return sum.add_(inputs[1]);
  }

  bool output_may_be_overwritten() const override { return true; }
  void allow_overwriting_first_input() override { in_place_ = true; }

 private:
  bool in_place_ = false;
};

class Concat final : public Operator {
 public:
  using Operator::Operator;

  at::Tensor forward(c10::ArrayRef<at::Tensor> inputs, const ForwardContext& context) override {
    if (context.epilogue != nullptr) return pooled_concat(inputs, *context.epilogue->pool);
    if (context.place != nullptr) return rectify_into_places(inputs, *context.place);
    return rectifies_ ? rectified_concat(inputs) : at::cat(inputs, 1);
  }

  bool rectify_inputs() override { return rectifies_ = true; }
  bool has_pooling_epilogue(const PoolWindows&) const override { return rectifies_; }

 private:
  // Windows hold cells of one channel: each input is pooled by itself, and what is joined is a quarter as large.
  static at::Tensor pooled_concat(c10::ArrayRef<at::Tensor> inputs, const PoolWindows& windows) {
    std::vector<at::Tensor> pooled;
    for (const at::Tensor& input : inputs) pooled.push_back(max_pooled(input, /*rectify=*/true, windows));
    return at::cat(pooled, 1);
  }

  bool rectifies_ = false;
};

class Flatten final : public Operator {
 public:
  using Operator::Operator;

  // Features are counted in NCHW order, as every checkpoint's linear layers expect; from channels_last this copies.
  at::Tensor forward(c10::ArrayRef<at::Tensor> inputs, const ForwardContext&) override {
    return inputs[0].dim() == 2 ? inputs[0] : inputs[0].reshape({inputs[0].size(0), output_shape()[0]});
  }
};

}  // namespace

std::unique_ptr<Operator> make_add(const BuildContext& context) {
  if (context.inputs.size() != 2)
    fail_node(context.node, "takes 2 inputs, not " + std::to_string(context.inputs.size()));
  if (context.inputs[0] != context.inputs[1]) {
    fail_node(context.node,
              "cannot add " + describe_shape(context.inputs[0]) + " and " + describe_shape(context.inputs[1]));
  }
  return std::make_unique<Add>(context.inputs[0]);
}

std::unique_ptr<Operator> make_concat(const BuildContext& context) {
  if (context.inputs.empty()) fail_node(context.node, "takes 1 input or more, not 0");
  if (integer_attribute(context.node, "axis", 1, 0) != 1)
    fail_node(context.node, "attribute axis must be 1 (channels)");
  Shape output = context.inputs[0];
  for (size_t i = 1; i < context.inputs.size(); ++i) {
    Shape expected = context.inputs[i];
    if (expected.size() == output.size()) expected[0] = output[0];
    if (expected != output) {
      fail_node(context.node,
                "cannot join " + describe_shape(context.inputs[0]) + " and " + describe_shape(context.inputs[i]));
    }
    output[0] += context.inputs[i][0];
  }
  return std::make_unique<Concat>(std::move(output));
}

std::unique_ptr<Operator> make_flatten(const BuildContext& context) {
  const Shape& input = single_input(context, context.inputs.empty() ? 3 : context.inputs[0].size());
  if (integer_attribute(context.node, "axis", 1, 0) != 1) fail_node(context.node, "attribute axis must be 1");
  int64_t features = 1;
  for (const int64_t size : input) features *= size;
  return std::make_unique<Flatten>(Shape{features});
}

}  // namespace finepune
