#include "serve/weights.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace finepune::serve {

namespace {

constexpr int64_t kBlockRows = 8;
constexpr int64_t kOffsetLimit = 65536;

}  // namespace

Weights::Weights(int64_t rows, int64_t rows_per_group, bool whole_blocks, Stencil stencil,
                 std::span<const float> dense)
    : rows_(rows), stencil_(std::move(stencil)) {
  const int64_t columns = stencil_.columns();
  if (static_cast<int64_t>(dense.size()) != rows * columns) {
    throw std::invalid_argument("weights: expected " + std::to_string(rows * columns) + " values, not " +
                                std::to_string(dense.size()));
  }
  for (int64_t row = 0; row < rows;) {
    const int64_t left = std::min(rows_per_group - row % rows_per_group, rows - row);
    int64_t size = kBlockRows;
    while (!whole_blocks && size > left) size /= 2;
    row_blocks_.push_back({row, size, packed_count_});
    packed_count_ += size * columns;
    row += std::min(size, left);
  }
  nonzeros_ = std::count_if(dense.begin(), dense.end(), [](float value) { return value != 0; });
  pack(dense);
}

double Weights::density() const {
  const double count = static_cast<double>(rows_ * stencil_.columns());
  return count > 0 ? static_cast<double>(nonzeros_) / count : 0;
}

void Weights::pack(std::span<const float> dense) {
  const int64_t columns = stencil_.columns();
  packed_ = AlignedFloats(packed_count_);
  for (const RowBlock& block : row_blocks_) {
    const int64_t rows = std::min(block.rows, rows_ - block.first);
    float* to = packed_.data() + block.offset;
    for (int64_t r = 0; r < rows; ++r) {
      const float* from = dense.data() + (block.first + r) * columns;
      for (int64_t column = 0; column < columns; ++column) to[column * block.rows + r] = from[column];
    }
  }
}

std::vector<float> Weights::unpacked() const {
  const int64_t columns = stencil_.columns();
  std::vector<float> dense(static_cast<size_t>(rows_ * columns));
  if (has_packed()) {
    for (const RowBlock& block : row_blocks_) {
      const int64_t rows = std::min(block.rows, rows_ - block.first);
      const float* from = packed_.data() + block.offset;
      for (int64_t r = 0; r < rows; ++r) {
        float* to = dense.data() + (block.first + r) * columns;
        for (int64_t column = 0; column < columns; ++column) to[column] = from[column * block.rows + r];
      }
    }
    return dense;
  }
  const int64_t taps = static_cast<int64_t>(stencil_.taps.size());
  // Two taps of one channel never share an offset, and channels do not overlap: an offset names its column.
  std::vector<int64_t> tap_of(static_cast<size_t>(stencil_.plane), 0);
  for (int64_t tap = 0; tap < taps; ++tap) tap_of[static_cast<size_t>(stencil_.taps[tap])] = tap;
  for (const SparseBlock& block : sparse_blocks_) {
    for (int64_t row = 0; row < rows_; ++row) {
      for (int64_t entry = block.starts[row]; entry < block.starts[row + 1]; ++entry) {
        const int64_t channel = block.first_channel + offsets_[entry] / stencil_.plane;
        const int64_t tap = tap_of[static_cast<size_t>(offsets_[entry] % stencil_.plane)];
        dense[static_cast<size_t>(row * columns + channel * taps + tap)] = values_[entry];
      }
    }
  }
  return dense;
}

void Weights::make_packed() {
  if (!has_packed()) pack(unpacked());
}

void Weights::make_sparse(int64_t entries_per_block) {
  if (has_sparse()) return;
  const std::vector<float> dense = unpacked();
  const int64_t taps = static_cast<int64_t>(stencil_.taps.size()), columns = stencil_.columns();
  const double entries_per_channel = std::max(density() * static_cast<double>(taps), 1e-6);
  const int64_t fitting = std::max<int64_t>(kOffsetLimit / stencil_.plane, 1);
  const int64_t wanted = static_cast<int64_t>(
      std::min(static_cast<double>(entries_per_block) / entries_per_channel, static_cast<double>(stencil_.channels)));
  const int64_t size = std::clamp<int64_t>(wanted, 1, fitting);
  offsets_.reserve(static_cast<size_t>(nonzeros_));
  values_.reserve(static_cast<size_t>(nonzeros_));
  for (int64_t first = 0; first < stencil_.channels; first += size) {
    const int64_t last = std::min(first + size, stencil_.channels);
    SparseBlock block{first, {}};
    block.starts.reserve(static_cast<size_t>(rows_ + 1));
    for (int64_t row = 0; row < rows_; ++row) {
      block.starts.push_back(static_cast<int64_t>(values_.size()));
      const float* from = dense.data() + row * columns;
      for (int64_t channel = first; channel < last; ++channel) {
        for (int64_t tap = 0; tap < taps; ++tap) {
          const float value = from[channel * taps + tap];
          if (value == 0) continue;
          offsets_.push_back(static_cast<uint16_t>((channel - first) * stencil_.plane + stencil_.taps[tap]));
          values_.push_back(value);
        }
      }
    }
    block.starts.push_back(static_cast<int64_t>(values_.size()));
    sparse_blocks_.push_back(std::move(block));
  }
}

void Weights::drop_packed() {
  if (!has_sparse()) throw std::logic_error("weights: the packed form is the only one");
  packed_ = AlignedFloats();
}

void Weights::drop_sparse() {
  if (!has_packed()) throw std::logic_error("weights: the sparse form is the only one");
  sparse_blocks_ = {};
  offsets_ = {};
  values_ = {};
}

int64_t Weights::bytes() const {
  int64_t starts = 0;
  for (const SparseBlock& block : sparse_blocks_) starts += static_cast<int64_t>(block.starts.size());
  return packed_.count() * (has_packed() ? 4 : 0) + starts * 8 + static_cast<int64_t>(offsets_.size()) * 6;
}

}  // namespace finepune::serve
