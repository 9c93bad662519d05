// The network as it crosses the native boundary: plain data, no libtorch, no Node.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace finepune {

// One operator with ONNX name and semantics. Attributes hold numbers, lists of numbers, or booleans as 0 and 1;
// a scalar is a list of one.
struct GraphNode {
  std::string name;
  std::string op;
  // Names of other nodes, or "input".
  std::vector<std::string> inputs;
  std::map<std::string, std::vector<double>> attributes;
};

// Shape of one input image as the network sees it.
struct GraphInput {
  int64_t channels = 0;
  int64_t height = 0;
  int64_t width = 0;
};

// Nodes stand in topological order; Network checks it.
struct Graph {
  GraphInput input;
  std::vector<GraphNode> nodes;
  // Node whose value is the logits, [batch, classes].
  std::string output;
  // Node whose parameters are the classifier head.
  std::string head;
  int64_t classes = 0;
};

}  // namespace finepune
