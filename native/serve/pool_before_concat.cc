#include "serve/pool_before_concat.h"

#include <algorithm>
#include <string>

namespace finepune::serve {

namespace {

bool is_read_once(const Graph& graph, const std::string& name) {
  int64_t readers = graph.output == name ? 1 : 0;
  for (const GraphNode& node : graph.nodes) readers += std::count(node.inputs.begin(), node.inputs.end(), name);
  return readers == 1;
}

}  // namespace

Graph pool_before_concat(const Graph& graph) {
  Graph rewritten = graph;
  rewritten.nodes.clear();
  for (const GraphNode& node : graph.nodes) {
    const auto concat = std::find_if(rewritten.nodes.begin(), rewritten.nodes.end(), [&](const GraphNode& other) {
      return other.op == "Concat" && other.name == node.inputs.at(0);
    });
    if (node.op != "MaxPool" || concat == rewritten.nodes.end() || !is_read_once(graph, concat->name)) {
      rewritten.nodes.push_back(node);
      continue;
    }
    GraphNode joined = *concat;
    rewritten.nodes.erase(concat);
    joined.name = node.name;
    for (std::string& input : joined.inputs) {
      GraphNode part = node;
      // No node's name has a line's end in it.
      part.name = node.name + "\n" + input;
      part.inputs = {input};
      input = part.name;
      rewritten.nodes.push_back(std::move(part));
    }
    rewritten.nodes.push_back(std::move(joined));
  }
  return rewritten;
}

}  // namespace finepune::serve
