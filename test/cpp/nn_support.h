// Small graphs and tensors for the tests of native/nn.
#pragma once

#include <string>
#include <vector>

#include <ATen/ATen.h>

#include "ops/counter_random.h"
#include "nn/graph.h"
#include "nn/network.h"

namespace finepune::test {

using Attributes = std::map<std::string, std::vector<double>>;

// Values in (-1, 1], a function of the seed alone.
inline at::Tensor random_tensor(at::IntArrayRef shape, uint64_t seed, at::ScalarType type = at::kFloat) {
  at::Tensor tensor = at::empty(shape, at::TensorOptions().dtype(at::kDouble));
  double* values = tensor.mutable_data_ptr<double>();
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    values[i] = 2.0 * uniform_open(random_bits(derive_stream(seed, 7), static_cast<uint64_t>(i))) - 1.0;
  }
  return tensor.to(type);
}

// input -> the given nodes -> Flatten, whose size the caller gives as `classes`.
inline Graph flattened_graph(GraphInput input, std::vector<GraphNode> nodes, int64_t classes) {
  Graph graph;
  graph.input = input;
  nodes.push_back({"flatten", "Flatten", {nodes.empty() ? "input" : nodes.back().name}, {}});
  graph.nodes = std::move(nodes);
  graph.output = "flatten";
  graph.classes = classes;
  return graph;
}

inline double relative_error(const at::Tensor& value, const at::Tensor& reference) {
  const at::Tensor expected = reference.to(at::kDouble);
  return ((value.to(at::kDouble) - expected).norm() / expected.norm().clamp_min(1e-300)).item<double>();
}

}  // namespace finepune::test
