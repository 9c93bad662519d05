#include "serve/convolution_rows.h"

#include <algorithm>
#include <cstring>

namespace finepune::serve {

namespace {

// Vectors of a tile: the accumulators of one sparse tile, and three of the dense ones.
constexpr int64_t kTileVectors = 24;
// Rows that the dense kernel computes together, at most.
constexpr int64_t kDenseRows = 8;
// Floats of a tile's panels, about: half of a core's own cache.
constexpr int64_t kPanelFloats = 64 << 10;
// Vectors of a tile of which all channels are copied together, at least.
constexpr int64_t kFewestPanelVectors = 9;
// Output channels of a group for which its input is worth copying.
constexpr int64_t kFewestPanelRows = 16;
// Columns of weights for which that of a pooled convolution is: its pieces have few channels, or bands that overlap.
constexpr int64_t kFewestPooledColumns = 1024;

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

bool reads_panels(const StepContext& context, const Step& step, Form form) {
  return form == Form::dense && context.kernels.panel_vectors > 0 &&
         step.weights->rows() / step.convolution.groups >= kFewestPanelRows &&
         (!step.pooled || step.weights->stencil().columns() >= kFewestPooledColumns);
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
      panels_(reads_panels(context, step, form)),
      row_floats_(step.reading.row_stride * context.pixel),
      sum_row_floats_(panels_ ? step.width * context.pixel : row_floats_),
      rows_per_group_(step.weights->rows() / step.convolution.groups) {
  for (const int64_t tap : step.reading.stencil.taps) taps_.push_back(static_cast<int32_t>(tap * context.pixel));
}

int64_t ConvolutionRows::tile_vectors() const {
  if (form_ == Form::merged) return context_.kernels.merged_vectors;
  if (!panels_) return kTileVectors;
  // All channels of a tile together, so that all pieces of it read the same panels, unless that would leave too few
  // vectors for each weight read.
  const int64_t most = kPanelFloats / (step_.weights->stencil().columns() * context_.kernels.lanes);
  return most < kFewestPanelVectors ? kTileVectors : std::min(most, kTileVectors);
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

int64_t ConvolutionRows::panel_channels(int64_t vectors) const {
  const Stencil& stencil = step_.weights->stencil();
  const int64_t floats = static_cast<int64_t>(taps_.size()) * vectors * context_.kernels.lanes;
  return std::clamp<int64_t>(kPanelFloats / floats, 1, stencil.channels);
}

int64_t ConvolutionRows::panel_floats() const {
  if (!panels_) return 0;
  // Fewer vectors have more channels.
  const int64_t taps = static_cast<int64_t>(taps_.size()), lanes = context_.kernels.lanes;
  const int64_t most = std::max(kPanelFloats, taps * tile_vectors() * lanes);
  return most + count_panels(tile_vectors()) * lanes;
}

int64_t ConvolutionRows::sum_floats(int64_t piece_rows) const {
  const bool by_block = form_ == Form::dense && !panels_;
  const int64_t rows = by_block ? kDenseRows : blocks_a_piece(piece_rows) * kDenseRows;
  return rows * tile_vectors() * context_.kernels.lanes;
}

void ConvolutionRows::compute(const ConvolutionPiece& piece, const ConvolutionTarget& target, int64_t first,
                              int64_t count, PieceMemory& memory) const {
  const int64_t lanes = context_.kernels.lanes, stride = count * lanes;
  const int64_t start = target.first_row * sum_row_floats_ + first * lanes;
  float* sums = memory.sums;
  const int64_t finished = panels_ ? finished_vectors(target, first, count) : 0;
  const ChannelWrites writes = channel_writes(target, (first + finished) * lanes, (count - finished) * lanes);
  const auto write_rows = [&](int64_t first_row, int64_t rows) {
    for (int64_t r = 0; r < rows; ++r) {
      writes.each(first_row + r, sums + r * stride + finished * lanes, context_.kernels.write_rows);
    }
  };
  if (form_ == Form::dense && !panels_) {
    for (int64_t i = piece.first_block; i < piece.last_block; ++i) {
      const RowBlock& block = step_.weights->row_blocks()[i];
      sum_dense(block, start, count, sums);
      write_rows(block.first, block.rows);
    }
    return;
  }
  if (panels_) {
    const int64_t last_row = target.first_row + target.planes.layout.height;
    const int64_t end = std::min(start + stride, last_row * sum_row_floats_);
    sum_panels(piece, target, {first * lanes, start, end, count, finished}, memory);
  }
  if (form_ == Form::sparse) sum_sparse(piece, start, count, sums);
  if (form_ == Form::merged) sum_merged(piece, start, count, sums);
  write_rows(piece.first_row, piece.last_row - piece.first_row);
}

int64_t ConvolutionRows::finished_vectors(const ConvolutionTarget& target, int64_t first, int64_t count) const {
  const bool at_once = panel_channels(count) == step_.weights->stencil().channels;
  if (!at_once || step_.residual >= 0 || !is_in_one_piece(target)) return 0;
  const int64_t whole = flat_floats(target.planes.layout.height) / context_.kernels.lanes - first;
  // Whole panels.
  int64_t panels = count_panels(count);
  while (count * panels / count_panels(count) > whole) --panels;
  return count * panels / count_panels(count);
}

std::vector<cpu::PanelPart> ConvolutionRows::panel_parts(int64_t start, int64_t end, int64_t vectors,
                                                         int64_t columns) const {
  const int64_t count = count_panels(vectors), lanes = context_.kernels.lanes;
  std::vector<cpu::PanelPart> parts;
  for (int64_t panel = 0; panel < count; ++panel) {
    const int64_t before = vectors * panel / count, length = (vectors * (panel + 1) / count - before) * lanes;
    const int64_t first = start + before * lanes, last = std::min(first + length, end);
    for (int64_t at = first; at < last;) {
      const int64_t y = at / sum_row_floats_, column = at % sum_row_floats_;
      const int64_t part = std::min(sum_row_floats_ - column, last - at);
      parts.push_back({y * row_floats_ + column, part, panel_offset(before, panel, columns) + at - first, length});
      at += part;
    }
  }
  return parts;
}

void ConvolutionRows::sum_panels(const ConvolutionPiece& piece, const ConvolutionTarget& target, const PanelTile& tile,
                                 PieceMemory& memory) const {
  const int64_t start = tile.start, vectors = tile.vectors;
  const std::vector<RowBlock>& blocks = step_.weights->row_blocks();
  const int64_t taps = static_cast<int64_t>(taps_.size()), channels = step_.weights->stencil().channels;
  const int64_t together = panel_channels(vectors);
  for (int64_t begin = piece.first_block; begin < piece.last_block;) {
    const int64_t group = blocks[begin].first / rows_per_group_;
    int64_t last = begin;
    while (last < piece.last_block && blocks[last].first / rows_per_group_ == group) ++last;
    for (int64_t channel = 0; channel < channels; channel += together) {
      const int64_t count = std::min(together, channels - channel);
      if (memory.group != group || memory.start != start || memory.channel != channel) {
        const std::vector<cpu::PanelPart> parts = panel_parts(start, tile.end, vectors, count * taps);
        context_.kernels.copy_panels({group_input(group * rows_per_group_) + channel * plane(), count, plane(),
                                      taps_.data(), taps, parts.data(), static_cast<int64_t>(parts.size()),
                                      memory.panels});
        memory.group = group;
        memory.start = start;
        memory.channel = channel;
      }
      for (int64_t i = begin; i < last; ++i) {
        sum_block(blocks[i], target, tile, channel * taps, count * taps, memory.panels,
                  memory.sums + (blocks[i].first - piece.first_row) * vectors * context_.kernels.lanes);
      }
    }
    begin = last;
  }
}

void ConvolutionRows::sum_block(const RowBlock& block, const ConvolutionTarget& target, const PanelTile& tile,
                                int64_t first_column, int64_t columns, const float* panels, float* sums) const {
  const int64_t lanes = context_.kernels.lanes, vectors = tile.vectors, count = count_panels(vectors);
  const float* weights = step_.weights->packed() + block.offset + first_column * block.rows;
  float* output = target.planes.row(block.first - target.first_channel, 0) + tile.first;
  const int64_t output_stride = target.planes.layout.plane() * context_.pixel;
  const int32_t tap = 0;
  for (int64_t panel = 0; panel < count; ++panel) {
    const int64_t first = vectors * panel / count, width = vectors * (panel + 1) / count - first;
    cpu::DenseTile dense{panels + panel_offset(first, panel, columns), columns, width * lanes, &tap, 1, weights,
                         block.rows, width, sums + first * lanes, vectors * lanes, first_column > 0};
    if (first < tile.finished) {
      dense.output = output + first * lanes;
      dense.output_stride = output_stride;
      dense.bias = step_.bias.data() + block.first;
      dense.low = step_.low;
      dense.high = step_.high;
    }
    context_.kernels.dense(dense);
  }
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
  for (int64_t row = piece.first_row; row < piece.last_row;) {
    // All rows of one group together.
    const int64_t last = std::min((row / rows_per_group_ + 1) * rows_per_group_, piece.last_row);
    bool accumulate = false;
    for (const SparseBlock& block : sparse.blocks) {
      context_.kernels.sparse({group_input(row) + block.first_channel * plane() + start, sparse.offsets.data(),
                               sparse.values.data(), block.starts.data() + row, last - row, context_.pixel, vectors,
                               sums + (row - piece.first_row) * stride, stride, accumulate});
      accumulate = true;
    }
    row = last;
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

bool ConvolutionRows::is_in_one_piece(const ConvolutionTarget& target) const {
  const Layout& layout = target.planes.layout;
  return sum_row_floats_ == layout.width * context_.pixel && layout.row_stride() == layout.width &&
         (step_.residual < 0 || memory_.residual.layout.row_stride() == layout.width);
}

ChannelWrites ConvolutionRows::channel_writes(const ConvolutionTarget& target, int64_t first, int64_t count) const {
  const Layout& layout = target.planes.layout;
  const int64_t width = layout.width * context_.pixel, flat = flat_floats(layout.height);
  const bool in_one_piece = is_in_one_piece(target);
  // A plane in one piece is one long row.
  const int64_t stride = in_one_piece ? flat : sum_row_floats_, row_width = in_one_piece ? flat : width;
  const int64_t end = std::min(first + count, flat);
  ChannelWrites writes(context_, step_, memory_, target, sum_row_floats_);
  for (int64_t at = first; at < end;) {
    const int64_t y = at / stride, column = at - y * stride;
    const int64_t whole = column == 0 ? (end - at) / stride : 0, rows = std::max<int64_t>(whole, 1);
    const int64_t length = whole > 0 ? row_width : std::min(row_width, column + end - at) - column;
    if (length > 0) writes.add(at - first, y, column, rows, length);
    at += whole > 0 ? whole * stride : stride - column;
  }
  return writes;
}

}  // namespace finepune::serve
