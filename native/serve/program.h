// A network as the list of steps that serving runs: what inference does not need is gone, and what can be done on the
// way out of another operator is part of it.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "nn/graph.h"
#include "nn/pool_windows.h"
#include "serve/layout.h"
#include "serve/weights.h"

namespace finepune::serve {

// Something a step writes and others read. A vector is planes of one pixel.
struct Value {
  Layout layout;
  // A slice of the channels of another value (the output of a Concat), or -1.
  int64_t whole = -1, first_channel = 0;
};

enum class StepKind {
  convolution,
  linear,
  max_pool,
  average_pool,
  global_average,
  local_response,
  add,
  // Factor and bias a channel, or a plain copy.
  scale,
  softmax,
};

struct ConvolutionShape {
  std::array<int64_t, 2> kernel, strides, dilations;
  Padding padding;
  int64_t groups = 1;
};

// How a convolution reads its input.
struct ConvolutionReading {
  // The input's own planes carry the padding and are read as they lie. Otherwise each plane is first copied with its
  // padding, split by the strides: phase (a, b) holds the rows y * stride + a and columns x * stride + b, so that
  // consecutive output pixels read consecutive pixels at every tap.
  bool direct = false;
  // Pixels of a row of the planes read.
  int64_t row_stride = 0;
  // Not direct: the phases some tap reads, and the size of each.
  std::vector<std::array<int64_t, 2>> phases;
  int64_t phase_height = 0, phase_width = 0;
  Stencil stencil;
};

struct Step {
  StepKind kind;
  std::string name;
  std::vector<int64_t> inputs;
  int64_t output = -1;
  // Added to the output before it is limited to [low, high]; -1 for none.
  int64_t residual = -1;
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
  // Convolution, linear, scale: one a channel of the output.
  std::vector<float> bias, factor;
  // Convolution, linear.
  std::shared_ptr<Weights> weights;
  ConvolutionShape convolution;
  ConvolutionReading reading;
  // Convolution: rows and columns computed.
  int64_t height = 0, width = 0;
  // Convolution: the output is what the maximum over `windows` makes of them.
  bool pooled = false;
  PoolWindows windows;
  bool count_padding = false;
  // local_response
  int64_t before = 0, after = 0;
  float alpha = 0, beta = 0, response_bias = 1;
};

// Values by parameter name, as Network calls them.
using Tensors = std::map<std::string, std::span<const float>>;

struct Program {
  // Value 0 is the input.
  std::vector<Value> values;
  std::vector<Step> steps;
  int64_t output = 0;
  int64_t classes = 0;
};

// Folds BatchNormalization into the convolution or linear layer before it; Add, Relu and Clip into the operator before
// them; MaxPool into the convolution before it, or those before the Concat before it; lets the inputs of a Concat be
// written where its output lies; drops Dropout and Flatten.
// Throws std::invalid_argument naming the node or tensor at fault.
Program make_program(const Graph& graph, const Tensors& tensors);

}  // namespace finepune::serve
