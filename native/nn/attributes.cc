#include "attributes.h"

#include <cmath>
#include <sstream>
#include <stdexcept>

namespace finepune {
namespace {

constexpr int64_t kIntegerLimit = int64_t{1} << 31;
constexpr int64_t kElementLimit = int64_t{1} << 34;

const std::vector<double>* find_attribute(const GraphNode& node, const char* name) {
  const auto found = node.attributes.find(name);
  return found == node.attributes.end() ? nullptr : &found->second;
}

int64_t checked_integer(const GraphNode& node, const char* name, double value, int64_t minimum) {
  // Written so that NaN fails.
  if (!(value >= static_cast<double>(minimum) && value < static_cast<double>(kIntegerLimit)) ||
      value != std::floor(value)) {
    std::ostringstream message;
    message << "attribute " << name << " must be a whole number of " << minimum << " or more, not " << value;
    fail_node(node, message.str());
  }
  return static_cast<int64_t>(value);
}

std::array<int64_t, 2> checked_pair(const GraphNode& node, const char* name, const std::vector<double>& values,
                                    int64_t minimum) {
  if (values.size() != 2) {
    fail_node(node, std::string("attribute ") + name + " must hold 2 numbers [height, width], not " +
                        std::to_string(values.size()));
  }
  return {checked_integer(node, name, values[0], minimum), checked_integer(node, name, values[1], minimum)};
}

const std::vector<double>& required_attribute(const GraphNode& node, const char* name) {
  const auto* values = find_attribute(node, name);
  if (values == nullptr) fail_node(node, std::string("attribute ") + name + " is missing");
  return *values;
}

double checked_scalar(const GraphNode& node, const char* name, const std::vector<double>& values) {
  if (values.size() != 1) {
    fail_node(node, std::string("attribute ") + name + " must be one number, not " + std::to_string(values.size()));
  }
  return values[0];
}

}  // namespace

void fail_node(const GraphNode& node, const std::string& message) {
  throw std::invalid_argument("node " + node.name + " (" + node.op + "): " + message);
}

std::string describe_shape(const Shape& shape) {
  std::string text;
  for (const int64_t size : shape) text += (text.empty() ? "" : "x") + std::to_string(size);
  return text;
}

bool is_too_large(c10::ArrayRef<int64_t> shape) {
  // One by one: the product of all may be past 64 bits.
  int64_t left = kElementLimit;
  for (const int64_t size : shape) {
    if (size > left) return true;
    left /= size;
  }
  return false;
}

int64_t integer_attribute(const GraphNode& node, const char* name, int64_t fallback, int64_t minimum) {
  const auto* values = find_attribute(node, name);
  return values == nullptr ? fallback : checked_integer(node, name, checked_scalar(node, name, *values), minimum);
}

int64_t required_integer_attribute(const GraphNode& node, const char* name, int64_t minimum) {
  return checked_integer(node, name, checked_scalar(node, name, required_attribute(node, name)), minimum);
}

bool flag_attribute(const GraphNode& node, const char* name, bool fallback) {
  const int64_t value = integer_attribute(node, name, fallback ? 1 : 0, 0);
  if (value > 1) fail_node(node, std::string("attribute ") + name + " must be 0 or 1, not " + std::to_string(value));
  return value == 1;
}

double number_attribute(const GraphNode& node, const char* name, double fallback) {
  const auto* values = find_attribute(node, name);
  if (values == nullptr) return fallback;
  const double value = checked_scalar(node, name, *values);
  if (!std::isfinite(value)) fail_node(node, std::string("attribute ") + name + " must be finite");
  return value;
}

std::array<int64_t, 2> pair_attribute(const GraphNode& node, const char* name, int64_t fallback, int64_t minimum) {
  const auto* values = find_attribute(node, name);
  if (values == nullptr) return {fallback, fallback};
  return checked_pair(node, name, *values, minimum);
}

std::array<int64_t, 2> required_pair_attribute(const GraphNode& node, const char* name, int64_t minimum) {
  return checked_pair(node, name, required_attribute(node, name), minimum);
}

Padding padding_attribute(const GraphNode& node) {
  const auto* values = find_attribute(node, "pads");
  if (values == nullptr) return {};
  if (values->size() != 4) {
    fail_node(node,
              "attribute pads must hold 4 numbers [top, left, bottom, right], not " + std::to_string(values->size()));
  }
  const auto pad = [&](size_t side) { return checked_integer(node, "pads", (*values)[side], 0); };
  return {pad(0), pad(1), pad(2), pad(3)};
}

const Shape& single_input(const BuildContext& context, size_t dimensions) {
  if (context.inputs.size() != 1) {
    fail_node(context.node, "takes 1 input, not " + std::to_string(context.inputs.size()));
  }
  const Shape& shape = context.inputs[0];
  if (shape.size() != dimensions) {
    fail_node(context.node, std::string("takes ") +
                                (dimensions == 3 ? "images [channels, height, width]" : "a vector [features]") +
                                ", but its input is " + describe_shape(shape));
  }
  return shape;
}

}  // namespace finepune
