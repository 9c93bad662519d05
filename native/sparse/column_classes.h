// Which columns of a weight matrix are kept more often than others: input channels and kernel positions differ.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace finepune {

// A class for every column by how its density compares with the tensor's; empty where sorting columns by them would not
// pay for saying them. `patterns` is whole rows.
std::vector<uint8_t> column_classes(std::span<const uint32_t> patterns, size_t row_length, uint64_t nonzeros,
                                    unsigned threads);

}  // namespace finepune
