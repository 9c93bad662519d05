#include "operator.h"

#include <map>

#include <ATen/ops/empty.h>

#include "attributes.h"

namespace finepune {
namespace {

using Maker = std::unique_ptr<Operator> (*)(const BuildContext&);

const std::map<std::string, Maker>& makers() {
  static const std::map<std::string, Maker> table = {
      {"Conv", make_convolution},
      {"Gemm", make_linear},
      {"BatchNormalization", make_batch_normalization},
      {"LRN", make_local_response_normalization},
      {"MaxPool", make_max_pool},
      {"AveragePool", make_average_pool},
      {"GlobalAveragePool", make_global_average_pool},
      {"Relu", make_relu},
      {"Clip", make_clip},
      {"Softmax", make_softmax},
      {"Dropout", make_dropout},
      {"Add", make_add},
      {"Concat", make_concat},
      {"Flatten", make_flatten},
  };
  return table;
}

}  // namespace

size_t BuildContext::add_parameter(const char* suffix, const char* kind, at::IntArrayRef shape, double fill,
                                   bool prunable) const {
  if (is_too_large(shape)) {
    fail_node(node, std::string(suffix) + " of shape " + describe_shape(shape.vec()) + " is too large");
  }
  Parameter parameter;
  parameter.name = node.name + "." + suffix;
  parameter.node = node.name;
  parameter.kind = kind;
  parameter.prunable = prunable;
  auto options = at::TensorOptions().dtype(at::kFloat).device(device);
  if (shape.size() == 4) options = options.memory_format(at::MemoryFormat::ChannelsLast);
  // at::full would leave the memory format out.
  parameter.value = at::empty(shape, options).fill_(fill);
  parameter.kept = parameter.value.numel();
  const bool statistic = parameter.kind == "running_mean" || parameter.kind == "running_var";
  parameter.value.set_requires_grad(!statistic);
  parameters.push_back(std::move(parameter));
  return parameters.size() - 1;
}

std::unique_ptr<Operator> make_operator(const BuildContext& context) {
  const auto found = makers().find(context.node.op);
  if (found == makers().end()) fail_node(context.node, "unknown operator");
  return found->second(context);
}

}  // namespace finepune
