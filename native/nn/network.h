// A network built from a graph: its parameters, and the forward pass through plain ATen.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "graph.h"
#include "ops/gradient_factors.h"

namespace finepune {

class Operator;
struct Epilogue;

// One stored tensor of the network. `kind` is weight, bias, scale, shift, running_mean or running_var; `value` is a
// leaf that requires a gradient for every kind but the running statistics. Names are NODE.weight, NODE.bias,
// NODE.running_mean, NODE.running_var (a BatchNormalization's scale and shift are its weight and bias).
// Shapes: convolution weight [out, in / groups, height, width] in channels_last memory, linear weight [out, in],
// everything else [channels].
struct Parameter {
  std::string name, node, kind;
  at::Tensor value;
  // True for the weights of Conv and Gemm nodes.
  bool prunable = false;
  // Entries that may be other than 0: all, unless whoever prunes `value` says so. Operators skip the others where that
  // is faster.
  int64_t kept = 0;
  // Where it is set, a linear layer may leave the factors of its weight's gradient here, and none in `value`.
  c10::intrusive_ptr<GradientFactors> factors;
};

class Network {
 public:
  // Validates the graph (operators, attributes, order, shapes) and allocates float32 parameters on `device`: weights,
  // biases, shifts and means 0, scales and variances 1.
  // Throws std::invalid_argument naming the node at fault.
  Network(Graph graph, at::Device device);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  Network(Network&&) noexcept;
  Network& operator=(Network&&) noexcept;

  const Graph& graph() const { return graph_; }
  at::Device device() const { return device_; }

  // In node order, within a node weight, bias / scale, shift, running_mean, running_var. A value may be replaced by
  // another tensor of the same shape; forward reads what stands here.
  std::vector<Parameter>& parameters() { return parameters_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }

  // The parameter called `name`; throws std::invalid_argument where there is none.
  Parameter& parameter(const std::string& name);

  // Shapes of one image's value, of the first input of node number `node` and of its output.
  std::vector<int64_t> input_shape(size_t node) const;
  const std::vector<int64_t>& output_shape(size_t node) const;

  // Puts `other`, of the same output shape, in the place of node number `node`'s operator, and returns that.
  std::unique_ptr<Operator> exchange(size_t node, std::unique_ptr<Operator> other);

  struct Mode {
    // BatchNormalization uses the batch's statistics, and moves the running ones (see update_statistics).
    bool train = false;
    // Dropout nodes drop; their masks are a function of dropout_seed and of the node's place alone.
    bool dropout = false;
    uint64_t dropout_seed = 0;
    // On a GPU, the seed's bits in its memory, int64 [1], read when the work comes to it; undefined for dropout_seed.
    at::Tensor device_dropout_seed;
    // As train for BatchNormalization, but the running statistics become the plain mean over the batches seen since
    // begin_statistics().
    bool collect_statistics = false;
    // False leaves the running statistics alone in train mode.
    bool update_statistics = true;
  };

  // Starts a new mean for Mode::collect_statistics; the first batch replaces what was there.
  void begin_statistics() { collected_batches_ = 0; }

  // Logits [N, classes] of `input`, [N, C, H, W] of the graph's input size, in any memory format, on `device`.
  // Autograd follows at::GradMode and the parameters' requires_grad; `input` gets no gradient unless it asks for one.
  // Throws std::invalid_argument on another shape or device.
  at::Tensor forward(const at::Tensor& input, const Mode& mode);

  // Value of the node called `node` in such a pass, which ends there. Throws std::invalid_argument as forward does, and
  // where there is no such node.
  at::Tensor value_of(const std::string& node, const at::Tensor& input, const Mode& mode);

 private:
  // Lets nodes whose every input is rectified do that themselves.
  void absorb_rectifiers();
  // Whether node number `node` is a pooling whose rectifier the node before that does as it pools.
  bool rectified_before(size_t node) const;
  // Whether node number `node` does the work of the rectifiers before it.
  bool rectifies_inputs(size_t node) const;
  // What node number `node` may do of the work of those behind it.
  Epilogue epilogue_of(size_t node) const;
  // Finds the places that outputs have in concatenations which rectify.
  void find_joins();
  // Whether the nodes up to and with `last` hold all of node number `node`'s epilogue, which it has.
  bool has_whole_epilogue(size_t node, size_t last) const;
  // Of node number `node`'s output in its concatenation's value, which is made where it is not there yet; nothing where
  // there is none, where the concatenation does not write all its value, or the nodes run are those up to and with `last`
  // and the concatenation is not among them.
  at::Tensor place_of(size_t node, size_t last, int64_t images, std::vector<at::Tensor>& values) const;
  // Runs the nodes up to and with number `last`; returns its value.
  at::Tensor run(const at::Tensor& input, const Mode& mode, size_t last);

  Graph graph_;
  at::Device device_;
  std::vector<Parameter> parameters_;
  std::vector<std::unique_ptr<Operator>> operators_;
  // Per node: how many parameters it and those before it have.
  std::vector<size_t> parameter_counts_;
  // Per node: where each input comes from (-1: the network's input), and what is dead once the node has run.
  std::vector<std::vector<int64_t>> sources_;
  std::vector<std::vector<int64_t>> released_;
  // Per node: the only one that reads it; -1 where there are several or none.
  std::vector<int64_t> only_reader_;
  // Per node: the one that does its work, which then gets this one's input; -1 for none.
  std::vector<int64_t> absorbed_by_;
  std::vector<Epilogue> epilogues_;
  // Per node: the concatenation that the output goes to through a rectifier alone, -1 for none, and its first channel
  // there.
  struct Join {
    int64_t node = -1, first_channel = 0;
  };
  std::vector<Join> joins_;
  int64_t output_ = -1;
  int64_t collected_batches_ = 0;
};

}  // namespace finepune
