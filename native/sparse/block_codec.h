// One block of a coded tensor; codec.h gives the format.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sparse/block_writer.h"
#include "sparse/layout.h"

namespace finepune {

// Index of every codebook pattern.
class CodebookIndex {
 public:
  // Throws Error("E_INTERNAL") for more than 256 patterns.
  explicit CodebookIndex(std::span<const uint32_t> codebook);
  // Throws Error("E_INTERNAL") for a pattern that is none of the codebook's.
  uint32_t of(uint32_t pattern) const;

 private:
  std::vector<std::pair<uint32_t, uint32_t>> sorted_;
};

// Replaces `bytes` by the coded block. `order` is null where the layout has no classes; `writer` is one that has
// finished.
void encode_block(std::span<const uint32_t> patterns, const TensorLayout& layout, const CodebookIndex& codebook,
                  const ColumnOrder* order, BlockWriter& writer, std::vector<uint8_t>& bytes);

// Writes every pattern of the block. Throws Error("E_MODEL_FILE").
void decode_block(const CodedBlock& block, const TensorLayout& layout, const ColumnOrder* order,
                  std::span<uint32_t> patterns);

}  // namespace finepune
