#include "pool_windows.h"

#include <string>

namespace finepune {

PoolWindows read_pool_windows(const GraphNode& node, const Shape& input) {
  PoolWindows windows;
  windows.kernel = required_pair_attribute(node, "kernel_shape", 1);
  windows.strides = pair_attribute(node, "strides", 1, 1);
  windows.padding = padding_attribute(node);
  windows.ceil_mode = flag_attribute(node, "ceil_mode", false);
  windows.input = {input[1], input[2]};
  for (size_t side = 0; side < 2; ++side) {
    const int64_t size = windows.input[side], kernel = windows.kernel[side], stride = windows.strides[side];
    const int64_t leading = windows.leading(side), trailing = windows.trailing(side);
    if (leading >= kernel || trailing >= kernel) fail_node(node, "attribute pads must stay below the kernel's size");
    const int64_t free = size + leading + trailing - kernel;
    if (free < 0) fail_node(node, "the kernel is larger than its padded input " + describe_shape(input));
    int64_t output = (windows.ceil_mode ? free + stride - 1 : free) / stride + 1;
    if (windows.ceil_mode && (output - 1) * stride >= size + leading) --output;
    windows.output[side] = output;
  }
  return windows;
}

}  // namespace finepune
