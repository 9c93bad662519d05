#include "network.h"

#include <algorithm>
#include <stdexcept>
#include <unordered_map>

#include <c10/core/GradMode.h>

#include "attributes.h"
#include "channels_last.h"
#include "finite_values.h"
#include "operator.h"

namespace finepune {
namespace {

constexpr const char* kInputName = "input";

void check_input(const GraphInput& input) {
  if (input.channels < 1 || input.height < 1 || input.width < 1) {
    throw std::invalid_argument("graph input: channels, height and width must be 1 or more, not " +
                                describe_shape({input.channels, input.height, input.width}));
  }
  if (is_too_large({input.channels, input.height, input.width})) {
    throw std::invalid_argument("graph input: an image of " +
                                describe_shape({input.channels, input.height, input.width}) + " is too large");
  }
}

}  // namespace

Network::Network(Graph graph, at::Device device) : graph_(std::move(graph)), device_(device) {
  check_input(graph_.input);
  const Shape input_shape = {graph_.input.channels, graph_.input.height, graph_.input.width};

  std::unordered_map<std::string, int64_t> places;
  std::vector<int64_t> readers(graph_.nodes.size(), 0);
  std::vector<int64_t> last_reader(graph_.nodes.size(), -1);
  for (size_t i = 0; i < graph_.nodes.size(); ++i) {
    const GraphNode& node = graph_.nodes[i];
    if (node.name.empty() || node.name == kInputName) {
      fail_node(node, "a node must have a name other than 'input'");
    }
    std::vector<int64_t> sources;
    std::vector<Shape> shapes;
    for (const std::string& name : node.inputs) {
      if (name == kInputName) {
        sources.push_back(-1);
        shapes.push_back(input_shape);
        continue;
      }
      const auto found = places.find(name);
      if (found == places.end()) {
        fail_node(node, "input " + name + " is no earlier node; nodes must stand in topological order");
      }
      sources.push_back(found->second);
      shapes.push_back(operators_[found->second]->output_shape());
      ++readers[found->second];
      last_reader[found->second] = static_cast<int64_t>(i);
    }
    operators_.push_back(make_operator({node, static_cast<int64_t>(i), shapes, device_, parameters_}));
    const Shape& output = operators_.back()->output_shape();
    if (is_too_large(output)) fail_node(node, "its output of " + describe_shape(output) + " is too large");
    parameter_counts_.push_back(parameters_.size());
    sources_.push_back(std::move(sources));
    if (!places.emplace(node.name, static_cast<int64_t>(i)).second) fail_node(node, "two nodes have this name");
  }

  const auto output = places.find(graph_.output);
  if (output == places.end()) throw std::invalid_argument("graph output: there is no node " + graph_.output);
  output_ = output->second;
  const Shape& logits = operators_[output_]->output_shape();
  if (logits != Shape{graph_.classes}) {
    fail_node(graph_.nodes[output_], "the output must be [" + std::to_string(graph_.classes) +
                                         "] (one value a class), but is " + describe_shape(logits));
  }
  if (!graph_.head.empty() && places.find(graph_.head) == places.end()) {
    throw std::invalid_argument("graph head: there is no node " + graph_.head);
  }

  released_.resize(operators_.size());
  for (size_t i = 0; i < operators_.size(); ++i) {
    if (static_cast<int64_t>(i) != output_) {
      // A node that nobody reads is dead as soon as it has run.
      released_[last_reader[i] < 0 ? i : last_reader[i]].push_back(static_cast<int64_t>(i));
    }
    if (sources_[i].empty()) continue;
    const int64_t first = sources_[i][0];
    if (first >= 0 && first != output_ && readers[first] == 1 && operators_[first]->output_may_be_overwritten()) {
      operators_[i]->allow_overwriting_first_input();
    }
  }
  only_reader_.resize(operators_.size());
  for (size_t i = 0; i < operators_.size(); ++i) {
    only_reader_[i] = readers[i] == 1 && static_cast<int64_t>(i) != output_ ? last_reader[i] : -1;
  }
  absorb_rectifiers();
  find_joins();
  epilogues_.resize(operators_.size());
  for (size_t i = 0; i < operators_.size(); ++i) epilogues_[i] = epilogue_of(i);
}

void Network::absorb_rectifiers() {
  absorbed_by_.assign(operators_.size(), -1);
  for (size_t i = 0; i < operators_.size(); ++i) {
    const bool all = std::all_of(sources_[i].begin(), sources_[i].end(), [&](int64_t source) {
      return source >= 0 && only_reader_[source] >= 0 && operators_[source]->rectifies();
    });
    if (sources_[i].empty() || !all || rectified_before(i) || !operators_[i]->rectify_inputs()) continue;
    for (const int64_t source : sources_[i]) absorbed_by_[source] = static_cast<int64_t>(i);
  }
}

bool Network::rectified_before(size_t node) const {
  const PoolWindows* windows = operators_[node]->max_pool_windows();
  if (windows == nullptr) return false;
  const int64_t rectifier = sources_[node][0], first = sources_[rectifier][0];
  return first >= 0 && only_reader_[first] == rectifier && operators_[first]->has_pooling_epilogue(*windows);
}

void Network::find_joins() {
  joins_.resize(operators_.size());
  for (size_t i = 0; i < operators_.size(); ++i) {
    if (!rectifies_inputs(i) || output_shape(i).size() != 3 || operators_[i]->max_pool_windows() != nullptr) continue;
    joins_[i] = {static_cast<int64_t>(i), 0};
    int64_t channel = 0;
    for (const int64_t rectifier : sources_[i]) {
      const int64_t source = sources_[rectifier][0];
      if (source >= 0 && only_reader_[source] == rectifier) joins_[source] = {static_cast<int64_t>(i), channel};
      channel += output_shape(static_cast<size_t>(rectifier))[0];
    }
  }
}

at::Tensor Network::place_of(size_t node, size_t last, int64_t images, std::vector<at::Tensor>& values) const {
  const auto& [concatenation, first_channel] = joins_[node];
  if (concatenation < 0 || concatenation > static_cast<int64_t>(last)) return {};
  if (has_whole_epilogue(static_cast<size_t>(concatenation), last)) return {};
  at::Tensor& whole = values[static_cast<size_t>(concatenation)];
  if (!whole.defined()) {
    const Shape& shape = output_shape(static_cast<size_t>(concatenation));
    whole = empty_channels_last(images, shape[0], shape[1], shape[2]);
  }
  return whole.narrow(1, first_channel, output_shape(node)[0]);
}

bool Network::rectifies_inputs(size_t node) const {
  const std::vector<int64_t>& sources = sources_[node];
  return !sources.empty() && sources[0] >= 0 && absorbed_by_[sources[0]] == static_cast<int64_t>(node);
}

Epilogue Network::epilogue_of(size_t node) const {
  Epilogue epilogue;
  int64_t before_pool = static_cast<int64_t>(node);
  if (!operators_[node]) return epilogue;
  if (!rectifies_inputs(node)) {
    const int64_t rectifier = only_reader_[node];
    if (!operators_[node]->has_epilogue() || rectifier < 0 || !operators_[rectifier]->rectifies() ||
        absorbed_by_[rectifier] >= 0) {
      return epilogue;
    }
    epilogue.last = before_pool = rectifier;
  }
  const int64_t pool = only_reader_[before_pool];
  const PoolWindows* windows = pool < 0 ? nullptr : operators_[pool]->max_pool_windows();
  if (windows != nullptr && operators_[node]->has_pooling_epilogue(*windows)) {
    epilogue.pool = windows;
    epilogue.last = pool;
  }
  return epilogue;
}

bool Network::has_whole_epilogue(size_t node, size_t last) const {
  return epilogues_[node].last >= 0 && epilogues_[node].last <= static_cast<int64_t>(last);
}

Network::~Network() = default;
Network::Network(Network&&) noexcept = default;
Network& Network::operator=(Network&&) noexcept = default;

Parameter& Network::parameter(const std::string& name) {
  for (Parameter& parameter : parameters_) {
    if (parameter.name == name) return parameter;
  }
  throw std::invalid_argument("the network has no parameter " + name);
}

Shape Network::input_shape(size_t node) const {
  const int64_t source = sources_[node][0];
  if (source < 0) return {graph_.input.channels, graph_.input.height, graph_.input.width};
  return output_shape(static_cast<size_t>(source));
}

const Shape& Network::output_shape(size_t node) const { return operators_[node]->output_shape(); }

std::unique_ptr<Operator> Network::exchange(size_t node, std::unique_ptr<Operator> other) {
  std::swap(operators_[node], other);
  epilogues_[node] = epilogue_of(node);
  return other;
}

at::Tensor Network::forward(const at::Tensor& input, const Mode& mode) {
  at::Tensor logits = run(input, mode, static_cast<size_t>(output_));
  if (mode.collect_statistics) ++collected_batches_;
  return logits;
}

at::Tensor Network::value_of(const std::string& node, const at::Tensor& input, const Mode& mode) {
  for (size_t i = 0; i < graph_.nodes.size(); ++i) {
    if (graph_.nodes[i].name == node) return run(input, mode, i);
  }
  throw std::invalid_argument("network: expected the name of a node, received \"" + node + "\"");
}

at::Tensor Network::run(const at::Tensor& input, const Mode& mode, size_t last) {
  if (!input.defined() || input.dim() != 4 || input.size(1) != graph_.input.channels ||
      input.size(2) != graph_.input.height || input.size(3) != graph_.input.width) {
    const Shape expected = {graph_.input.channels, graph_.input.height, graph_.input.width};
    throw std::invalid_argument("network input: expected images of " + describe_shape(expected) +
                                ", received a tensor of " +
                                (input.defined() ? describe_shape(input.sizes().vec()) : std::string("nothing")));
  }
  if (input.device() != device_) {
    throw std::invalid_argument("network input: expected a tensor on " + device_.str() + ", received one on " +
                                input.device().str());
  }
  ForwardContext context{parameters_, mode, collected_batches_};
  const at::Tensor images = input.contiguous(at::MemoryFormat::ChannelsLast);
  std::vector<at::Tensor> values(operators_.size());
  std::vector<at::Tensor> inputs;
  // On the CPU and without gradients.
  const bool scores = !at::GradMode::is_enabled() && images.is_cpu() && images.scalar_type() == at::kFloat;
  FiniteValues finite(images, parameters_);
  // Nodes whose work one before has done.
  std::vector<bool> finished(operators_.size(), false);
  for (size_t i = 0; i <= last; ++i) {
    inputs.clear();
    for (const int64_t source : sources_[i]) inputs.push_back(source < 0 ? images : values[source]);
    const bool absorbed = absorbed_by_[i] >= 0 && absorbed_by_[i] <= static_cast<int64_t>(last);
    if (absorbed || finished[i]) {
      values[i] = inputs[0];
    } else {
      const Epilogue& epilogue = epilogues_[i];
      const bool whole = has_whole_epilogue(i, last);
      context.epilogue = whole ? &epilogue : nullptr;
      const at::Tensor place = scores ? place_of(i, last, images.size(0), values) : at::Tensor();
      context.place = place.defined() ? &place : nullptr;
      context.finite = whole && scores && finite.up_to(parameter_counts_[i]);
      if (whole) finished[only_reader_[i]] = finished[epilogue.last] = true;
      values[i] = operators_[i]->forward(inputs, context);
    }
    for (const int64_t dead : released_[i]) values[dead] = at::Tensor();
  }
  return values[last];
}

}  // namespace finepune
