// Relu, Clip {min, max}, Softmax (over the classes).
#include <ATen/ops/clamp.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/softmax.h>

#include "attributes.h"
#include "operator.h"

namespace finepune {
namespace {

class Relu final : public Operator {
 public:
  using Operator::Operator;

  at::Tensor forward(c10::ArrayRef<at::Tensor> inputs, const ForwardContext&) override {
    if (!in_place_) return at::relu(inputs[0]);
    at::Tensor value = inputs[0];
    return at::relu_(value);
  }

  void allow_overwriting_first_input() override { in_place_ = true; }
  bool rectifies() const override { return true; }

 private:
  bool in_place_ = false;
};

class Clip final : public Operator {
 public:
  Clip(Shape output, double minimum, double maximum)
      : Operator(std::move(output)), minimum_(minimum), maximum_(maximum) {}

  at::Tensor forward(c10::ArrayRef<at::Tensor> inputs, const ForwardContext&) override {
    return at::clamp(inputs[0], minimum_, maximum_);
  }

 private:
  double minimum_, maximum_;
};

class Softmax final : public Operator {
 public:
  using Operator::Operator;

  at::Tensor forward(c10::ArrayRef<at::Tensor> inputs, const ForwardContext&) override {
    return at::softmax(inputs[0], 1);
  }
};

const Shape& any_single_input(const BuildContext& context) {
  return single_input(context, context.inputs.empty() ? 3 : context.inputs[0].size());
}

}  // namespace

std::unique_ptr<Operator> make_relu(const BuildContext& context) {
  return std::make_unique<Relu>(any_single_input(context));
}

std::unique_ptr<Operator> make_clip(const BuildContext& context) {
  const Shape& shape = any_single_input(context);
  constexpr double kLargest = 3.4028234663852886e38;
  const double minimum = number_attribute(context.node, "min", -kLargest);
  const double maximum = number_attribute(context.node, "max", kLargest);
  if (!(minimum <= maximum)) fail_node(context.node, "attribute min is above max");
  return std::make_unique<Clip>(shape, minimum, maximum);
}

std::unique_ptr<Operator> make_softmax(const BuildContext& context) {
  return std::make_unique<Softmax>(any_single_input(context));
}

}  // namespace finepune
