// BatchNormalization (Ioffe, Szegedy, ICML 2015): attributes epsilon, momentum (ONNX: the share of the old value kept).
#include <ATen/Context.h>
#include <ATen/ops/batch_norm.h>

#include "attributes.h"
#include "operator.h"

namespace finepune {
namespace {

class BatchNormalization final : public Operator {
 public:
  struct Places {
    size_t scale, shift, mean, variance;
  };

  BatchNormalization(std::string name, Shape output, Places places, double epsilon, double momentum)
      : Operator(std::move(output)), name_(std::move(name)), places_(places), epsilon_(epsilon), momentum_(momentum) {}

  at::Tensor forward(c10::ArrayRef<at::Tensor> inputs, const ForwardContext& context) override {
    const at::Tensor& input = inputs[0];
    const auto& parameters = context.parameters;
    const Network::Mode& mode = context.mode;
    const bool batch_statistics = mode.train || mode.collect_statistics;
    if (batch_statistics && input.numel() == input.size(1)) {
      // The unbiased variance of one value is 0 / 0.
      throw std::invalid_argument(
          "node " + name_ +
          " (BatchNormalization): training needs more than one value a channel; use a batch size above 1");
    }
    std::optional<at::Tensor> mean, variance;
    if (!batch_statistics || mode.update_statistics || mode.collect_statistics) {
      mean = parameters[places_.mean].value;
      variance = parameters[places_.variance].value;
    }
    // PyTorch's momentum is the share of the new value; 1 / n makes the running value the mean of n batches.
    const double share =
        mode.collect_statistics ? 1.0 / static_cast<double>(context.collected_batches + 1) : 1.0 - momentum_;
    return at::batch_norm(input, parameters[places_.scale].value, parameters[places_.shift].value, mean, variance,
                          batch_statistics, share, epsilon_, at::globalContext().userEnabledCuDNN());
  }

  bool output_may_be_overwritten() const override { return true; }

 private:
  std::string name_;
  Places places_;
  double epsilon_;
  double momentum_;
};

}  // namespace

std::unique_ptr<Operator> make_batch_normalization(const BuildContext& context) {
  const GraphNode& node = context.node;
  const Shape& input = single_input(context, context.inputs.empty() ? 3 : context.inputs[0].size());
  const double epsilon = number_attribute(node, "epsilon", 1e-5);
  const double momentum = number_attribute(node, "momentum", 0.9);
  if (!(epsilon > 0)) fail_node(node, "attribute epsilon must be above 0");
  if (!(momentum >= 0 && momentum <= 1)) fail_node(node, "attribute momentum must be in 0..1");
  BatchNormalization::Places places;
  places.scale = context.add_parameter("weight", "scale", {input[0]}, 1, false);
  places.shift = context.add_parameter("bias", "shift", {input[0]}, 0, false);
  places.mean = context.add_parameter("running_mean", "running_mean", {input[0]}, 0, false);
  places.variance = context.add_parameter("running_var", "running_var", {input[0]}, 1, false);
  return std::make_unique<BatchNormalization>(node.name, input, places, epsilon, momentum);
}

}  // namespace finepune
