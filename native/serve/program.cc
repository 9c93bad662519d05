#include "serve/program.h"

#include <cmath>
#include <optional>
#include <stdexcept>
#include <unordered_map>

#include "nn/network.h"
#include "serve/pool_before_concat.h"
#include "serve/reading.h"

namespace finepune::serve {

namespace {

std::span<const float> find_tensor(const Tensors& tensors, const std::string& name) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw std::invalid_argument("tensor " + name + " is missing");
  return found->second;
}

// Network's own validation, without memory for its parameters, and a tensor of the right size for each.
void check(const Graph& graph, const Tensors& tensors) {
  Network network(graph, at::Device(at::kMeta));
  for (const Parameter& parameter : network.parameters()) {
    const int64_t given = static_cast<int64_t>(find_tensor(tensors, parameter.name).size());
    if (given != parameter.value.numel()) {
      throw std::invalid_argument("tensor " + parameter.name + " must have " + std::to_string(parameter.value.numel()) +
                                  " values, not " + std::to_string(given));
    }
  }
}

// A step while parts of other nodes may still be merged into it.
struct Draft {
  Step step;
  Shape shape;
  // Convolution, linear: [rows, columns], row-major.
  std::vector<float> weights;
  // Limits have been set: only another limit may follow.
  bool limited = false;
};

class Builder {
 public:
  // `graph` and `tensors` as check() lets them pass.
  Builder(Graph graph, const Tensors& tensors) : graph_(std::move(graph)), tensors_(tensors) {}

  Program build();

 private:
  std::span<const float> tensor(const std::string& name) const { return find_tensor(tensors_, name); }
  int64_t add_value(const Shape& shape);
  const Shape& shape_of(int64_t value) const { return shapes_[static_cast<size_t>(value)]; }
  void count_readers();
  void add_node(const GraphNode& node);
  Step& add_step(StepKind kind, const GraphNode& node, std::vector<int64_t> inputs, Shape shape);
  // The step that makes `value`, if nothing but the node now looked at reads it.
  Draft* producer(const std::string& input);
  // Weights and biases of `node` into the step last added, which has `rows` of them.
  void read_weights(const GraphNode& node, int64_t rows);
  void add_convolution(const GraphNode& node, int64_t input);
  void add_linear(const GraphNode& node, int64_t input);
  void add_normalization(const GraphNode& node, int64_t input);
  void add_limit(const GraphNode& node, int64_t input, float low, float high);
  void add_pool(const GraphNode& node, int64_t input);
  void add_sum(const GraphNode& node, const std::vector<int64_t>& inputs);
  void add_concat(const GraphNode& node, const std::vector<int64_t>& inputs);
  void set_layouts(Program& program);

  const Graph graph_;
  const Tensors& tensors_;
  std::unordered_map<std::string, int64_t> readers_, values_of_;
  std::vector<Shape> shapes_;
  std::vector<Draft> drafts_;
  std::vector<Value> values_;
};

int64_t product(const Shape& shape) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return count;
}

int64_t Builder::add_value(const Shape& shape) {
  Value value;
  value.layout.channels = shape[0];
  value.layout.height = shape.size() == 3 ? shape[1] : 1;
  value.layout.width = shape.size() == 3 ? shape[2] : 1;
  values_.push_back(value);
  shapes_.push_back(shape);
  return static_cast<int64_t>(values_.size()) - 1;
}

void Builder::count_readers() {
  for (const GraphNode& node : graph_.nodes) {
    for (const std::string& input : node.inputs) ++readers_[input];
  }
  ++readers_[graph_.output];
}

Step& Builder::add_step(StepKind kind, const GraphNode& node, std::vector<int64_t> inputs, Shape shape) {
  Draft draft;
  draft.step.kind = kind;
  draft.step.name = node.name;
  draft.step.inputs = std::move(inputs);
  draft.step.output = add_value(shape);
  draft.shape = std::move(shape);
  values_of_[node.name] = draft.step.output;
  drafts_.push_back(std::move(draft));
  return drafts_.back().step;
}

Draft* Builder::producer(const std::string& input) {
  if (readers_[input] != 1) return nullptr;
  const int64_t value = values_of_.at(input);
  for (Draft& draft : drafts_) {
    if (draft.step.output == value) return &draft;
  }
  return nullptr;
}

void Builder::read_weights(const GraphNode& node, int64_t rows) {
  Draft& draft = drafts_.back();
  const auto weights = tensor(node.name + ".weight");
  draft.weights.assign(weights.begin(), weights.end());
  draft.step.bias.assign(static_cast<size_t>(rows), 0.0f);
  if (flag_attribute(node, "bias", true)) {
    const auto bias = tensor(node.name + ".bias");
    draft.step.bias.assign(bias.begin(), bias.end());
  }
}

void Builder::add_convolution(const GraphNode& node, int64_t input) {
  const Shape& shape = shape_of(input);
  ConvolutionShape convolution;
  convolution.kernel = required_pair_attribute(node, "kernel_shape", 1);
  convolution.strides = pair_attribute(node, "strides", 1, 1);
  convolution.dilations = pair_attribute(node, "dilations", 1, 1);
  convolution.padding = padding_attribute(node);
  convolution.groups = integer_attribute(node, "group", 1, 1);
  const Padding& padding = convolution.padding;
  const auto side = [&](size_t i, int64_t pads) {
    return (shape[1 + i] + pads - convolution.dilations[i] * (convolution.kernel[i] - 1) - 1) / convolution.strides[i] +
           1;
  };
  const int64_t channels = required_integer_attribute(node, "out_channels", 1);
  Step& step = add_step(StepKind::convolution, node, {input},
                        {channels, side(0, padding.top + padding.bottom), side(1, padding.left + padding.right)});
  step.convolution = convolution;
  step.height = drafts_.back().shape[1];
  step.width = drafts_.back().shape[2];
  read_weights(node, channels);
}

void Builder::add_linear(const GraphNode& node, int64_t input) {
  const int64_t features = required_integer_attribute(node, "out_features", 1);
  add_step(StepKind::linear, node, {input}, {features});
  read_weights(node, features);
}

// y = scale * (x - mean) / sqrt(variance + epsilon) + shift, as a factor and a bias a channel.
void Builder::add_normalization(const GraphNode& node, int64_t input) {
  const double epsilon = number_attribute(node, "epsilon", 1e-5);
  const auto scale = tensor(node.name + ".weight"), shift = tensor(node.name + ".bias");
  const auto mean = tensor(node.name + ".running_mean"), variance = tensor(node.name + ".running_var");
  const size_t channels = scale.size();
  std::vector<double> factor(channels), bias(channels);
  for (size_t c = 0; c < channels; ++c) {
    factor[c] = static_cast<double>(scale[c]) / std::sqrt(static_cast<double>(variance[c]) + epsilon);
    bias[c] = static_cast<double>(shift[c]) - static_cast<double>(mean[c]) * factor[c];
  }
  Draft* before = producer(node.inputs[0]);
  if (before != nullptr && !before->limited && !before->step.pooled && before->step.residual < 0 &&
      !before->weights.empty()) {
    const size_t columns = before->weights.size() / channels;
    for (size_t c = 0; c < channels; ++c) {
      for (size_t i = 0; i < columns; ++i) {
        float& weight = before->weights[c * columns + i];
        weight = static_cast<float>(static_cast<double>(weight) * factor[c]);
      }
      before->step.bias[c] = static_cast<float>(static_cast<double>(before->step.bias[c]) * factor[c] + bias[c]);
    }
    values_of_[node.name] = before->step.output;
    return;
  }
  Step& step = add_step(StepKind::scale, node, {input}, shape_of(input));
  step.factor.assign(factor.begin(), factor.end());
  step.bias.assign(bias.begin(), bias.end());
}

bool takes_limits(StepKind kind) {
  return kind == StepKind::convolution || kind == StepKind::linear || kind == StepKind::add || kind == StepKind::scale;
}

void Builder::add_limit(const GraphNode& node, int64_t input, float low, float high) {
  Draft* before = producer(node.inputs[0]);
  if (before != nullptr && takes_limits(before->step.kind)) {
    Step& step = before->step;
    // A limit of a limit is one: min(max(y, low), high) of a y in [step.low, step.high]. And the maximum of limited
    // values is the limited maximum of them.
    step.low = std::min(std::max(step.low, low), high);
    step.high = std::min(std::max(step.high, low), high);
    before->limited = true;
    values_of_[node.name] = step.output;
    return;
  }
  Step& step = add_step(StepKind::scale, node, {input}, shape_of(input));
  step.low = low;
  step.high = high;
  drafts_.back().limited = true;
}

// Windows that overlap by rows or not at all: others are pooled faster from all rows than computed again for each band.
bool is_pooled_on_the_way(const PoolWindows& windows) {
  return windows.strides[0] > 1 && windows.kernel[0] <= 2 * windows.strides[0];
}

void Builder::add_pool(const GraphNode& node, int64_t input) {
  const PoolWindows windows = read_pool_windows(node, shape_of(input));
  const Shape shape = {shape_of(input)[0], windows.output[0], windows.output[1]};
  Draft* before = producer(node.inputs[0]);
  if (node.op == "MaxPool" && is_pooled_on_the_way(windows) && before != nullptr &&
      before->step.kind == StepKind::convolution && !before->step.pooled && before->step.residual < 0) {
    before->step.pooled = true;
    before->step.windows = windows;
    before->shape = shape;
    before->step.output = add_value(shape);
    values_of_[node.name] = before->step.output;
    return;
  }
  Step& step = add_step(node.op == "MaxPool" ? StepKind::max_pool : StepKind::average_pool, node, {input}, shape);
  step.windows = windows;
  step.count_padding = flag_attribute(node, "count_include_pad", false);
}

void Builder::add_sum(const GraphNode& node, const std::vector<int64_t>& inputs) {
  if (inputs.size() == 2) {
    // Into the later of the two: the other is there by then.
    for (const size_t side : {size_t{1}, size_t{0}}) {
      Draft* before = producer(node.inputs[side]);
      const int64_t other = inputs[1 - side];
      if (before == nullptr || before->step.kind != StepKind::convolution || before->limited || before->step.pooled ||
          before->step.residual >= 0 || other >= before->step.output) {
        continue;
      }
      before->step.residual = other;
      values_of_[node.name] = before->step.output;
      return;
    }
  }
  add_step(StepKind::add, node, inputs, shape_of(inputs[0]));
}

void Builder::add_concat(const GraphNode& node, const std::vector<int64_t>& inputs) {
  Shape shape = shape_of(inputs[0]);
  shape[0] = 0;
  for (const int64_t input : inputs) shape[0] += shape_of(input)[0];
  const int64_t whole = add_value(shape);
  values_of_[node.name] = whole;
  int64_t channel = 0;
  for (const int64_t input : inputs) {
    const Shape part_shape = shape_of(input);
    int64_t part = input;
    bool has_slices = false;
    for (const Value& value : values_) has_slices = has_slices || value.whole == input;
    // What lies somewhere else already, or is a whole itself, is copied.
    if (input == 0 || values_[input].whole >= 0 || has_slices) {
      part = add_value(part_shape);
      Draft draft;
      draft.step.kind = StepKind::scale;
      draft.step.name = node.name;
      draft.step.inputs = {input};
      draft.step.output = part;
      draft.shape = part_shape;
      drafts_.push_back(std::move(draft));
    }
    values_[part].whole = whole;
    values_[part].first_channel = channel;
    channel += part_shape[0];
  }
}

void Builder::add_node(const GraphNode& node) {
  std::vector<int64_t> inputs;
  for (const std::string& input : node.inputs) inputs.push_back(values_of_.at(input));
  const int64_t input = inputs.at(0);
  const Shape shape = shape_of(input);
  if (node.op == "Conv") {
    add_convolution(node, input);
  } else if (node.op == "Gemm") {
    add_linear(node, input);
  } else if (node.op == "BatchNormalization") {
    add_normalization(node, input);
  } else if (node.op == "Relu") {
    add_limit(node, input, 0, std::numeric_limits<float>::infinity());
  } else if (node.op == "Clip") {
    constexpr double largest = 3.4028234663852886e38;
    add_limit(node, input, static_cast<float>(number_attribute(node, "min", -largest)),
              static_cast<float>(number_attribute(node, "max", largest)));
  } else if (node.op == "MaxPool" || node.op == "AveragePool") {
    add_pool(node, input);
  } else if (node.op == "GlobalAveragePool") {
    add_step(StepKind::global_average, node, {input}, {shape[0], 1, 1});
  } else if (node.op == "LRN") {
    Step& step = add_step(StepKind::local_response, node, {input}, shape);
    const int64_t size = required_integer_attribute(node, "size", 1);
    step.before = (size - 1) / 2;
    step.after = size / 2;
    step.alpha = static_cast<float>(number_attribute(node, "alpha", 1e-4) / static_cast<double>(size));
    step.beta = static_cast<float>(number_attribute(node, "beta", 0.75));
    step.response_bias = static_cast<float>(number_attribute(node, "bias", 1));
  } else if (node.op == "Softmax") {
    add_step(StepKind::softmax, node, {input}, shape);
  } else if (node.op == "Add") {
    add_sum(node, inputs);
  } else if (node.op == "Concat") {
    add_concat(node, inputs);
  } else if (node.op == "Dropout") {
    // The reader of the one is the reader of the other.
    readers_[node.name] += readers_[node.inputs[0]] - 1;
    values_of_[node.name] = input;
  } else if (node.op == "Flatten") {
    // The planes lie one after the other: the same memory, seen as a vector. Only planes without padding may be seen
    // so.
    const int64_t vector = add_value({product(shape)});
    values_[vector].whole = input;
    values_of_[node.name] = vector;
  } else {
    fail_node(node, "unknown operator");
  }
}

// Every value gets the padding that the convolutions reading it ask for, unless another reader cannot do with it.
void Builder::set_layouts(Program& program) {
  std::vector<int64_t> rank(values_.size(), 0);
  std::vector<bool> plain(values_.size(), false);
  const auto root = [&](int64_t value) {
    while (values_[value].whole >= 0) value = values_[value].whole;
    return value;
  };
  for (size_t i = 0; i < values_.size(); ++i) {
    const bool is_vector = shapes_[i].size() == 1;
    if (is_vector || static_cast<int64_t>(i) == program.output) plain[root(static_cast<int64_t>(i))] = true;
  }
  for (const Draft& draft : drafts_) {
    const Step& step = draft.step;
    if (step.kind != StepKind::convolution || !is_unit_stride(step.convolution)) continue;
    const int64_t whole = root(step.inputs[0]);
    if (plain[whole]) continue;
    Padding& padding = values_[whole].layout.padding;
    const Padding& wanted = step.convolution.padding;
    padding.top = std::max(padding.top, wanted.top);
    padding.left = std::max(padding.left, wanted.left);
    padding.bottom = std::max(padding.bottom, wanted.bottom);
    padding.right = std::max(padding.right, wanted.right);
    check_plane(step.name, values_[whole].layout);
  }
  for (size_t i = 0; i < values_.size(); ++i) values_[i].layout.padding = values_[root(i)].layout.padding;
}

Program Builder::build() {
  count_readers();
  values_of_["input"] = add_value({graph_.input.channels, graph_.input.height, graph_.input.width});
  for (const GraphNode& node : graph_.nodes) add_node(node);

  Program program;
  program.output = values_of_.at(graph_.output);
  program.classes = graph_.classes;
  set_layouts(program);
  check_plane("input", values_[0].layout);
  for (Draft& draft : drafts_) {
    Step& step = draft.step;
    const int64_t rows = draft.shape[0];
    check_plane(step.name, values_[step.output].layout);
    if (step.kind == StepKind::convolution) {
      step.reading = plan_reading(step, values_[step.inputs[0]].layout);
      step.weights =
          std::make_shared<Weights>(rows, rows / step.convolution.groups, false, step.reading.stencil, draft.weights);
    } else if (step.kind == StepKind::linear) {
      Stencil stencil;
      stencil.channels = product(shape_of(step.inputs[0]));
      step.weights = std::make_shared<Weights>(rows, rows, true, stencil, draft.weights);
    }
    draft.weights = {};
    program.steps.push_back(std::move(step));
  }
  program.values = std::move(values_);
  return program;
}

}  // namespace

Program make_program(const Graph& graph, const Tensors& tensors) {
  check(graph, tensors);
  return Builder(pool_before_concat(graph), tensors).build();
}

}  // namespace finepune::serve
