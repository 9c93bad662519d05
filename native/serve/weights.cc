#include "serve/weights.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace finepune::serve {

namespace {

constexpr int64_t kBlockRows = 8;

}  // namespace

Weights::Weights(int64_t rows, int64_t rows_per_group, bool whole_blocks, Stencil stencil, std::span<const float> dense)
    : rows_(rows), rows_per_group_(rows_per_group), stencil_(std::move(stencil)) {
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
  if (packed_.empty() && packed_count_ > 0) throw std::logic_error("weights: the dense form is gone");
  const int64_t columns = stencil_.columns();
  std::vector<float> dense(static_cast<size_t>(rows_ * columns));
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

void Weights::make_sparse(int64_t entries_per_block) {
  const double entries_per_channel = std::max(density() * static_cast<double>(stencil_.taps.size()), 1e-6);
  const double channels = static_cast<double>(entries_per_block) / entries_per_channel;
  sparse_ = SparseWeights::of(unpacked(), rows_, stencil_,
                              static_cast<int64_t>(std::min(channels, static_cast<double>(stencil_.channels))));
}

void Weights::make_merged(int64_t tile, int64_t floats_per_block) {
  const int64_t reach = tile + *std::max_element(stencil_.taps.begin(), stencil_.taps.end());
  merged_ = MergedWeights::of(unpacked(), rows_, stencil_, floats_per_block / reach);
}

void Weights::make_winograd(int64_t tap_rows) {
  winograd_ = WinogradWeights::of({packed(), static_cast<size_t>(packed_count_)},
                                  static_cast<int64_t>(stencil_.taps.size()), tap_rows, row_blocks_,
                                  stencil_.channels);
}

void Weights::make_columns() { columns_ = ColumnWeights::of(unpacked(), rows_, stencil_.columns()); }

void Weights::drop(Form form) {
  if (form == Form::dense) packed_ = AlignedFloats();
  if (form == Form::sparse) sparse_ = {};
  if (form == Form::merged) merged_ = {};
  if (form == Form::winograd) winograd_ = {};
  if (form == Form::columns) columns_ = {};
}

int64_t Weights::bytes() const {
  return packed_.count() * 4 + sparse_.bytes() + merged_.bytes() + winograd_.bytes() + columns_.bytes();
}

}  // namespace finepune::serve
