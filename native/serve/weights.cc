#include "serve/weights.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace finepune::serve {

namespace {

constexpr int64_t kBlockRows = 8;
constexpr int64_t kOffsetLimit = 65536;

// Adds a sparse form's entries to a matrix of zeros, row-major [rows, stencil.columns()].
void scatter(const SparseWeights& sparse, int64_t rows, std::vector<float>& dense) {
  const Stencil& stencil = sparse.stencil;
  const int64_t taps = static_cast<int64_t>(stencil.taps.size()), columns = stencil.columns();
  // Two taps of one channel never share an offset, and channels do not overlap: an offset names its column.
  std::vector<int64_t> tap_of(static_cast<size_t>(stencil.plane), 0);
  for (int64_t tap = 0; tap < taps; ++tap) tap_of[static_cast<size_t>(stencil.taps[tap])] = tap;
  for (const SparseBlock& block : sparse.blocks) {
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t entry = block.starts[row]; entry < block.starts[row + 1]; ++entry) {
        const int64_t channel = block.first_channel + sparse.offsets[entry] / stencil.plane;
        const int64_t tap = tap_of[static_cast<size_t>(sparse.offsets[entry] % stencil.plane)];
        dense[static_cast<size_t>(row * columns + channel * taps + tap)] = sparse.values[entry];
      }
    }
  }
}

}  // namespace

int64_t SparseWeights::bytes() const {
  int64_t starts = 0;
  for (const SparseBlock& block : blocks) starts += static_cast<int64_t>(block.starts.size());
  return starts * 8 + static_cast<int64_t>(offsets.size()) * 6;
}

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
  if (has(Form::dense)) {
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
  scatter(sparse_ ? *sparse_ : *shifted_, rows_, dense);
  return dense;
}

void Weights::make_packed() {
  if (!has(Form::dense)) pack(unpacked());
}

bool Weights::has(Form form) const {
  if (form == Form::dense) return !packed_.empty();
  return form == Form::sparse ? sparse_.has_value() : shifted_.has_value();
}

const SparseWeights& Weights::sparse(Form form) const {
  if (form == Form::dense || !has(form)) throw std::logic_error("weights: this sparse form is not there");
  return form == Form::sparse ? *sparse_ : *shifted_;
}

void Weights::make_sparse(Form form, const Stencil& stencil, int64_t entries_per_block) {
  if (has(form)) return;
  const std::vector<float> dense = unpacked();
  SparseWeights& made = (form == Form::sparse ? sparse_ : shifted_).emplace();
  made.stencil = stencil;
  const int64_t taps = static_cast<int64_t>(stencil.taps.size()), columns = stencil.columns();
  const double entries_per_channel = std::max(density() * static_cast<double>(taps), 1e-6);
  const int64_t fitting = std::max<int64_t>(kOffsetLimit / stencil.plane, 1);
  const int64_t wanted = static_cast<int64_t>(
      std::min(static_cast<double>(entries_per_block) / entries_per_channel, static_cast<double>(stencil.channels)));
  const int64_t size = std::clamp<int64_t>(wanted, 1, fitting);
  made.offsets.reserve(static_cast<size_t>(nonzeros_));
  made.values.reserve(static_cast<size_t>(nonzeros_));
  for (int64_t first = 0; first < stencil.channels; first += size) {
    const int64_t last = std::min(first + size, stencil.channels);
    SparseBlock block{first, {}};
    block.starts.reserve(static_cast<size_t>(rows_ + 1));
    for (int64_t row = 0; row < rows_; ++row) {
      block.starts.push_back(static_cast<int64_t>(made.values.size()));
      const float* from = dense.data() + row * columns;
      for (int64_t channel = first; channel < last; ++channel) {
        for (int64_t tap = 0; tap < taps; ++tap) {
          const float value = from[channel * taps + tap];
          if (value == 0) continue;
          made.offsets.push_back(static_cast<uint16_t>((channel - first) * stencil.plane + stencil.taps[tap]));
          made.values.push_back(value);
        }
      }
    }
    block.starts.push_back(static_cast<int64_t>(made.values.size()));
    made.blocks.push_back(std::move(block));
  }
}

void Weights::drop(Form form) {
  int others = 0;
  for (const Form other : kForms) others += other != form && has(other) ? 1 : 0;
  if (others == 0) throw std::logic_error("weights: the form to be dropped is the only one");
  if (form == Form::dense) packed_ = AlignedFloats();
  if (form == Form::sparse) sparse_.reset();
  if (form == Form::shifted) shifted_.reset();
}

int64_t Weights::bytes() const {
  int64_t total = has(Form::dense) ? packed_.count() * 4 : 0;
  for (const auto& sparse : {&sparse_, &shifted_}) {
    if (*sparse) total += (*sparse)->bytes();
  }
  return total;
}

}  // namespace finepune::serve
