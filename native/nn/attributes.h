// Reading and checking what a graph says of a node. Every failure is a std::invalid_argument that names the node.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "graph.h"
#include "operator.h"

namespace finepune {

// Throws std::invalid_argument: "node NAME (OP): MESSAGE".
[[noreturn]] void fail_node(const GraphNode& node, const std::string& message);

// "3x224x224", for messages.
std::string describe_shape(const Shape& shape);

// Whether a tensor of these sizes, each 1 or more, has more than the 2^34 elements above which a graph is refused instead of
// asking the system for the memory.
bool is_too_large(c10::ArrayRef<int64_t> shape);

// The attribute as a whole number in [minimum, 2^31), or `fallback` where it is absent.
int64_t integer_attribute(const GraphNode& node, const char* name, int64_t fallback, int64_t minimum);
// The same where the attribute must be there.
int64_t required_integer_attribute(const GraphNode& node, const char* name, int64_t minimum);
// 0 or 1.
bool flag_attribute(const GraphNode& node, const char* name, bool fallback);
// The attribute as a finite number, or `fallback` where it is absent.
double number_attribute(const GraphNode& node, const char* name, double fallback);

// A list of two whole numbers [height, width].
std::array<int64_t, 2> pair_attribute(const GraphNode& node, const char* name, int64_t fallback, int64_t minimum);
std::array<int64_t, 2> required_pair_attribute(const GraphNode& node, const char* name, int64_t minimum);

// Zeros around an image.
struct Padding {
  int64_t top = 0, left = 0, bottom = 0, right = 0;
  bool symmetric() const { return top == bottom && left == right; }
};
// The attribute "pads", [top, left, bottom, right], each 0 or more; zeros where it is absent.
Padding padding_attribute(const GraphNode& node);

// The shape of the node's only input, which must have `dimensions` dimensions.
const Shape& single_input(const BuildContext& context, size_t dimensions);

}  // namespace finepune
