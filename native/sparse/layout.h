// What stands before the blocks of a coded tensor; codec.h gives the format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sparse/value_coder.h"

namespace finepune {

// The columns of a block in the order of their classes.
struct ColumnOrder {
  struct Group {
    std::vector<uint32_t> columns;
  };
  std::vector<Group> groups;
};

// Groups without columns are left out.
ColumnOrder order_columns(std::span<const uint8_t> classes);

struct TensorLayout {
  bool two_states = false;
  // Index into gap_coder.h's models, and the mean it stands for; or kNoGaps.
  uint32_t gap_index = 0;
  FloatFormat floats;
  // Patterns; empty for floats.
  std::vector<uint32_t> codebook;
  size_t block_length = 0;
  // Empty where entries are in the tensor's own order.
  std::vector<uint8_t> classes;
};

struct CodedBlock {
  const uint8_t* bytes;
  size_t size;
  // Bytes that may be read from `bytes` on.
  size_t readable;
};

// Appends the layout; `sizes`: bytes of every block.
void write_layout(const TensorLayout& layout, size_t length, std::span<const size_t> sizes,
                  std::vector<uint8_t>& bytes);

// The inverse, every field checked; throws Error("E_MODEL_FILE").
TensorLayout read_layout(std::span<const uint8_t> bytes, size_t length, std::vector<CodedBlock>& blocks);

[[noreturn]] void coded_tensor_damaged(const std::string& what);

}  // namespace finepune
