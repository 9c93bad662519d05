#include "serve/convolution_rows.h"

#include <algorithm>
#include <cstring>

namespace finepune::serve {

namespace {

// Vectors of a tile: the accumulators of one sparse tile, and three of the dense ones.
constexpr int64_t kTileVectors = 24;
// Rows that the dense kernel computes together, at most.
constexpr int64_t kDenseRows = 8;

// Copies one phase of an input plane with its padding.
void copy_phase(const Step& step, const Planes& input, int64_t channel, size_t number, float* to) {
  const ConvolutionReading& reading = step.reading;
  const auto& [kernel, strides, dilations, padding, groups] = step.convolution;
  const int64_t pixel = input.pixel, height = input.layout.height, width = input.layout.width;
  const std::array<int64_t, 2> phase = reading.phases[number];
  for (int64_t y = 0; y < reading.phase_height; ++y) {
    const int64_t row = y * strides[0] + phase[0] - padding.top;
    if (row < 0 || row >= height) {
      std::memset(to, 0, static_cast<size_t>(reading.phase_width * pixel) * sizeof(float));
      to += reading.phase_width * pixel;
      continue;
    }
    const float* from = input.row(channel, row);
    // Column x reads x * stride + shift; only [first, last) lie in the image.
    const int64_t shift = phase[1] - padding.left, stride = strides[1];
    const int64_t first = std::clamp<int64_t>(shift >= 0 ? 0 : (-shift + stride - 1) / stride, 0, reading.phase_width);
    const int64_t last =
        std::clamp<int64_t>(width > shift ? (width - shift + stride - 1) / stride : 0, first, reading.phase_width);
    std::memset(to, 0, static_cast<size_t>(first * pixel) * sizeof(float));
    if (pixel == 1 && stride == 2) {
      const float* source = from + shift;
      for (int64_t x = first; x < last; ++x) to[x] = source[2 * x];
    } else if (pixel == 1 && stride != 1) {
      for (int64_t x = first; x < last; ++x) to[x] = from[x * stride + shift];
    } else if (stride == 1) {
      if (last > first) {
        std::memcpy(to + first * pixel, from + (first + shift) * pixel,
                    static_cast<size_t>((last - first) * pixel) * sizeof(float));
      }
    } else {
      for (int64_t x = first; x < last; ++x) {
        std::memcpy(to + x * pixel, from + (x * stride + shift) * pixel, static_cast<size_t>(pixel) * sizeof(float));
      }
    }
    std::memset(to + last * pixel, 0, static_cast<size_t>((reading.phase_width - last) * pixel) * sizeof(float));
    to += reading.phase_width * pixel;
  }
}

// The input as the kernels read it, from the first padded pixel on.
const float* readable_input(const StepContext& context, const Step& step, const StepMemory& memory) {
  const Planes& input = memory.inputs[0];
  const ConvolutionReading& reading = step.reading;
  if (reading.direct) {
    const Padding& padding = step.convolution.padding;
    return input.row(0, 0) - (padding.top * reading.row_stride + padding.left) * context.pixel;
  }
  const int64_t phases = static_cast<int64_t>(reading.phases.size());
  const int64_t floats = reading.phase_height * reading.phase_width * context.pixel;
  context.team.run(context.threads, context.first_worker, input.layout.channels * phases, [&](int64_t item, int64_t) {
    copy_phase(step, input, item / phases, static_cast<size_t>(item % phases), memory.copy + item * floats);
  });
  return memory.copy;
}

}  // namespace

ConvolutionRows::ConvolutionRows(const StepContext& context, const Step& step, Form form, const StepMemory& memory)
    : context_(context),
      step_(step),
      memory_(memory),
      form_(form),
      input_(readable_input(context, step, memory)),
      row_floats_(step.reading.row_stride * context.pixel),
      rows_per_group_(step.weights->rows() / step.convolution.groups) {
  for (const int64_t tap : step.reading.stencil.taps) taps_.push_back(static_cast<int32_t>(tap * context.pixel));
}

int64_t ConvolutionRows::tile_vectors() const {
  return form_ == Form::merged ? context_.kernels.merged_vectors : kTileVectors;
}

int64_t ConvolutionRows::blocks_a_piece(int64_t piece_rows) const {
  const int64_t blocks = static_cast<int64_t>(step_.weights->row_blocks().size());
  return std::max<int64_t>(1, piece_rows * blocks / std::max<int64_t>(step_.weights->rows(), 1));
}

int64_t ConvolutionRows::pieces(int64_t piece_rows) const {
  const int64_t blocks = static_cast<int64_t>(step_.weights->row_blocks().size()), each = blocks_a_piece(piece_rows);
  return (blocks + each - 1) / each;
}

ConvolutionPiece ConvolutionRows::piece(int64_t piece_rows, int64_t number) const {
  const std::vector<RowBlock>& blocks = step_.weights->row_blocks();
  const int64_t count = static_cast<int64_t>(blocks.size()), each = blocks_a_piece(piece_rows);
  const int64_t first = number * each, last = std::min(first + each, count);
  return {first, last, blocks[first].first, last < count ? blocks[last].first : step_.weights->rows()};
}

int64_t ConvolutionRows::sum_floats(const ConvolutionPiece& piece, int64_t vectors) const {
  return (form_ == Form::dense ? kDenseRows : piece.last_row - piece.first_row) * vectors * context_.kernels.lanes;
}

void ConvolutionRows::compute(const ConvolutionPiece& piece, const ConvolutionTarget& target, int64_t first,
                              int64_t count, float* sums) const {
  const int64_t lanes = context_.kernels.lanes, stride = count * lanes;
  const int64_t start = target.first_row * row_floats_ + first * lanes;
  const auto write_rows = [&](int64_t first_row, int64_t rows) {
    for (int64_t r = 0; r < rows; ++r) write(target, first_row + r, first * lanes, stride, sums + r * stride);
  };
  if (form_ == Form::dense) {
    for (int64_t i = piece.first_block; i < piece.last_block; ++i) {
      const RowBlock& block = step_.weights->row_blocks()[i];
      sum_dense(block, start, count, sums);
      write_rows(block.first, block.rows);
    }
    return;
  }
  if (form_ == Form::sparse) sum_sparse(piece, start, count, sums);
  if (form_ == Form::merged) sum_merged(piece, start, count, sums);
  write_rows(piece.first_row, piece.last_row - piece.first_row);
}

void ConvolutionRows::sum_dense(const RowBlock& block, int64_t start, int64_t vectors, float* sums) const {
  const Weights& weights = *step_.weights;
  context_.kernels.dense({group_input(block.first) + start, weights.stencil().channels, plane(), taps_.data(),
                          static_cast<int64_t>(taps_.size()), weights.packed() + block.offset, block.rows, vectors,
                          sums, vectors * context_.kernels.lanes});
}

void ConvolutionRows::sum_sparse(const ConvolutionPiece& piece, int64_t start, int64_t vectors, float* sums) const {
  const SparseWeights& sparse = step_.weights->sparse();
  const int64_t stride = vectors * context_.kernels.lanes;
  bool accumulate = false;
  for (const SparseBlock& block : sparse.blocks) {
    for (int64_t row = piece.first_row; row < piece.last_row; ++row) {
      const int64_t entry = block.starts[row], count = block.starts[row + 1] - entry;
      if (count == 0 && accumulate) continue;
      context_.kernels.sparse({group_input(row) + block.first_channel * plane() + start, sparse.offsets.data() + entry,
                               sparse.values.data() + entry, count, context_.pixel, vectors,
                               sums + (row - piece.first_row) * stride, accumulate});
    }
    accumulate = true;
  }
}

void ConvolutionRows::sum_merged(const ConvolutionPiece& piece, int64_t start, int64_t vectors, float* sums) const {
  const MergedWeights& merged = step_.weights->merged();
  const int64_t stride = vectors * context_.kernels.lanes;
  bool accumulate = false;
  for (const MergedBlock& block : merged.blocks) {
    for (int64_t row = piece.first_row; row < piece.last_row; row += kMergedRows) {
      const MergedEntries& entries = block.quads[row / kMergedRows];
      if (entries.counts[0] == 0 && accumulate) continue;
      context_.kernels.merged({group_input(row) + block.first_channel * plane() + start,
                               merged.offsets.data() + entries.offset, merged.values.data() + entries.value,
                               entries.counts.data(), context_.pixel, vectors, sums + (row - piece.first_row) * stride,
                               stride, accumulate});
    }
    accumulate = true;
  }
}

void ConvolutionRows::write(const ConvolutionTarget& target, int64_t channel, int64_t first, int64_t count,
                            const float* sums) const {
  const Layout& layout = target.planes.layout;
  const int64_t width = layout.width * context_.pixel, flat = flat_floats(layout.height);
  const bool in_one_piece = row_floats_ == width && layout.row_stride() == layout.width &&
                            (step_.residual < 0 || memory_.residual.layout.row_stride() == layout.width);
  // A plane in one piece is one long row.
  const int64_t stride = in_one_piece ? flat : row_floats_, row_width = in_one_piece ? flat : width;
  const int64_t end = std::min(first + count, flat);
  for (int64_t at = first; at < end;) {
    const int64_t y = at / stride, column = at - y * stride;
    const int64_t whole = column == 0 ? (end - at) / stride : 0, rows = std::max<int64_t>(whole, 1);
    const int64_t length = whole > 0 ? row_width : std::min(row_width, column + end - at) - column;
    if (length > 0) write_block(target, channel, y, column, rows, length, sums + (at - first));
    at += whole > 0 ? whole * stride : stride - column;
  }
}

void ConvolutionRows::write_block(const ConvolutionTarget& target, int64_t channel, int64_t y, int64_t column,
                                  int64_t rows, int64_t length, const float* sums) const {
  const Planes &output = target.planes, &residual = memory_.residual;
  cpu::RowsWrite write{
      sums,      nullptr,   output.row(channel - target.first_channel, y) + column, length, step_.bias[channel],
      step_.low, step_.high};
  write.rows = rows;
  write.sums_stride = row_floats_;
  write.output_stride = output.layout.row_stride() * context_.pixel;
  if (step_.residual >= 0) {
    write.residual = residual.row(channel, target.first_row + y) + column;
    write.residual_stride = residual.layout.row_stride() * context_.pixel;
  }
  context_.kernels.write_rows(write);
}

}  // namespace finepune::serve
