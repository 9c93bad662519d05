// One node of a built network. A new operator is a file that defines a make_ function, and a line in operator.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/util/ArrayRef.h>

#include "graph.h"
#include "network.h"

namespace finepune {

struct PoolWindows;

// Shape of one image's value, without the batch: [channels, height, width], or [features] after a Flatten.
using Shape = std::vector<int64_t>;

// The nodes right behind one that does their work itself: behind one that computes sums a rectifier, and maximum pooling
// behind that; behind a concatenation that rectifies maximum pooling.
struct Epilogue {
  // Of the pooling; null where there is none.
  const PoolWindows* pool = nullptr;
  // Number of the last of these nodes; -1 where there is none.
  int64_t last = -1;
};

// What one forward pass shares between its nodes.
struct ForwardContext {
  const std::vector<Parameter>& parameters;
  const Network::Mode& mode;
  // Batches that collect_statistics has seen before this one.
  int64_t collected_batches;
  // What the operator that runs does beyond its own work; null for nothing.
  const Epilogue* epilogue = nullptr;
  // Where the output belongs once rectified: channels of a wider value, float32 in channels_last memory on the CPU.
  // The operator may write it there and return that, or return values of its own that are not rectified, which are
  // copied there later. Null where there is no such place, and where gradients may be wanted.
  const at::Tensor* place = nullptr;
  // Whether the network's input and the parameters of this node and all before it are known to be finite. Only told
  // where there is an epilogue and no gradient is wanted.
  bool finite = false;
};

class Operator {
 public:
  explicit Operator(Shape output_shape) : output_shape_(std::move(output_shape)) {}
  virtual ~Operator() = default;
  Operator(const Operator&) = delete;
  Operator& operator=(const Operator&) = delete;

  const Shape& output_shape() const { return output_shape_; }

  virtual at::Tensor forward(c10::ArrayRef<at::Tensor> inputs, const ForwardContext& context) = 0;

  // Whether a following operator may overwrite this one's output: true where nothing, autograd included, reads it again
  // and it is no view of another tensor.
  virtual bool output_may_be_overwritten() const { return false; }

  // Called once where the first input has no other reader and may be overwritten.
  virtual void allow_overwriting_first_input() {}

  // Whether the output is max(input, 0) and nothing else.
  virtual bool rectifies() const { return false; }

  // Called once where every input is such an operator's output and has no other reader: true where this one takes their
  // inputs instead from then on, and rectifies them itself.
  virtual bool rectify_inputs() { return false; }

  // Whether forward heeds an epilogue that rectifies, and one that pools by `windows`, behind the rectifier or, where
  // this operator rectifies its inputs, right behind it.
  virtual bool has_epilogue() const { return false; }
  virtual bool has_pooling_epilogue(const PoolWindows& /*windows*/) const { return false; }

  // Of a maximum pooling; null for every other operator.
  virtual const PoolWindows* max_pool_windows() const { return nullptr; }

 private:
  Shape output_shape_;
};

// What an operator is built from. `parameters` grows by the operator's own, and the operator remembers their places.
struct BuildContext {
  const GraphNode& node;
  int64_t index;
  const std::vector<Shape>& inputs;
  at::Device device;
  std::vector<Parameter>& parameters;

  // Adds NODE.`suffix` filled with `fill`, 4-d tensors in channels_last memory; returns its place in `parameters`.
  size_t add_parameter(const char* suffix, const char* kind, at::IntArrayRef shape, double fill, bool prunable) const;
};

// Builds the operator of `context.node`. Throws std::invalid_argument naming the node.
std::unique_ptr<Operator> make_operator(const BuildContext& context);

std::unique_ptr<Operator> make_convolution(const BuildContext& context);
std::unique_ptr<Operator> make_linear(const BuildContext& context);
std::unique_ptr<Operator> make_batch_normalization(const BuildContext& context);
std::unique_ptr<Operator> make_local_response_normalization(const BuildContext& context);
std::unique_ptr<Operator> make_max_pool(const BuildContext& context);
std::unique_ptr<Operator> make_average_pool(const BuildContext& context);
std::unique_ptr<Operator> make_global_average_pool(const BuildContext& context);
std::unique_ptr<Operator> make_relu(const BuildContext& context);
std::unique_ptr<Operator> make_clip(const BuildContext& context);
std::unique_ptr<Operator> make_softmax(const BuildContext& context);
std::unique_ptr<Operator> make_dropout(const BuildContext& context);
std::unique_ptr<Operator> make_add(const BuildContext& context);
std::unique_ptr<Operator> make_concat(const BuildContext& context);
std::unique_ptr<Operator> make_flatten(const BuildContext& context);

}  // namespace finepune
