#include <algorithm>
#include <cstring>

#include "serve/run_step.h"

namespace finepune::serve {

namespace {

// Vectors of output computed between two writes: the accumulators of one sparse tile, and three of the dense ones.
constexpr int64_t kTileVectors = 24;
// Output channels of one piece of work.
constexpr int64_t kPieceRows = 32;

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

// What all pieces of one convolution share.
struct Job {
  const StepContext& context;
  const Step& step;
  const StepMemory& memory;
  const float* input;
  int64_t lanes, row_floats, flat_floats, rows_per_group;
  std::vector<int32_t> taps;

  // Floats of one plane.
  int64_t plane() const { return step.reading.stencil.plane * context.pixel; }
  const float* group_input(int64_t row) const {
    return input + row / rows_per_group * step.reading.stencil.channels * plane();
  }

  // Of the sums of output floats [first, first + count) of a channel's rows, those that are pixels of the image.
  void write(int64_t channel, int64_t first, int64_t count, const float* sums) const {
    const Planes& output = memory.output;
    const int64_t width = output.layout.width * context.pixel;
    const bool in_one_piece = row_floats == width && output.layout.row_stride() == output.layout.width &&
                              (step.residual < 0 || memory.residual.layout.row_stride() == output.layout.width);
    // A plane in one piece is one long row.
    const int64_t stride = in_one_piece ? flat_floats : row_floats, row_width = in_one_piece ? flat_floats : width;
    const int64_t end = std::min(first + count, flat_floats);
    for (int64_t at = first; at < end;) {
      const int64_t y = at / stride, column = at - y * stride;
      const int64_t whole = column == 0 ? (end - at) / stride : 0, rows = std::max<int64_t>(whole, 1);
      const int64_t length = whole > 0 ? row_width : std::min(row_width, column + end - at) - column;
      if (length > 0) write_block(channel, y, column, rows, length, sums + (at - first));
      at += whole > 0 ? whole * stride : stride - column;
    }
  }

  // Some rows of `length` floats from row y, float `column` on.
  void write_block(int64_t channel, int64_t y, int64_t column, int64_t rows, int64_t length, const float* sums) const {
    const Planes &output = memory.output, &residual = memory.residual;
    cpu::RowsWrite write{sums, nullptr, output.row(channel, y) + column, length, step.bias[channel], step.low, step.high};
    write.rows = rows;
    write.sums_stride = row_floats;
    write.output_stride = output.layout.row_stride() * context.pixel;
    if (step.residual >= 0) {
      write.residual = residual.row(channel, y) + column;
      write.residual_stride = residual.layout.row_stride() * context.pixel;
    }
    context.kernels.write_rows(write);
  }
};

void run_dense(const Job& job, int64_t first_block, int64_t last_block, int64_t start, int64_t vectors, float* sums) {
  const Weights& weights = *job.step.weights;
  const Stencil& stencil = weights.stencil();
  for (int64_t i = first_block; i < last_block; ++i) {
    const RowBlock& block = weights.row_blocks()[i];
    const int64_t stride = vectors * job.lanes;
    job.context.kernels.dense({job.group_input(block.first) + start, stencil.channels, job.plane(), job.taps.data(),
                               static_cast<int64_t>(job.taps.size()), weights.packed() + block.offset, block.rows,
                               vectors, sums, stride});
    for (int64_t r = 0; r < block.rows; ++r) job.write(block.first + r, start, stride, sums + r * stride);
  }
}

void run_sparse(const Job& job, int64_t first_row, int64_t last_row, int64_t start, int64_t vectors, float* sums) {
  const SparseWeights& sparse = job.step.weights->sparse();
  const int64_t stride = vectors * job.lanes, plane = job.plane();
  bool accumulate = false;
  for (const SparseBlock& block : sparse.blocks) {
    for (int64_t row = first_row; row < last_row; ++row) {
      const int64_t entry = block.starts[row], count = block.starts[row + 1] - entry;
      if (count == 0 && accumulate) continue;
      job.context.kernels.sparse({job.group_input(row) + block.first_channel * plane + start,
                                  sparse.offsets.data() + entry, sparse.values.data() + entry, count,
                                  job.context.pixel, vectors, sums + (row - first_row) * stride, accumulate});
    }
    accumulate = true;
  }
}

void run_merged(const Job& job, int64_t first_row, int64_t last_row, int64_t start, int64_t vectors, float* sums) {
  const MergedWeights& merged = job.step.weights->merged();
  const int64_t stride = vectors * job.lanes, plane = job.plane();
  bool accumulate = false;
  for (const MergedBlock& block : merged.blocks) {
    for (int64_t row = first_row; row < last_row; row += kMergedRows) {
      const MergedEntries& entries = block.quads[row / kMergedRows];
      if (entries.counts[0] == 0 && accumulate) continue;
      job.context.kernels.merged({job.group_input(row) + block.first_channel * plane + start,
                                  merged.offsets.data() + entries.offset, merged.values.data() + entries.value,
                                  entries.counts.data(), job.context.pixel, vectors,
                                  sums + (row - first_row) * stride, stride, accumulate});
    }
    accumulate = true;
  }
}

}  // namespace

void run_convolution(const StepContext& context, const Step& step, Form form, const StepMemory& memory) {
  const Planes& input = memory.inputs[0];
  const Planes& output = memory.output;
  const ConvolutionReading& reading = step.reading;
  const int64_t pixel = context.pixel;
  Job job{context, step, memory, nullptr, context.kernels.lanes, reading.row_stride * pixel, 0, 0, {}};
  if (reading.direct) {
    const Padding& padding = step.convolution.padding;
    job.input = input.row(0, 0) - (padding.top * reading.row_stride + padding.left) * pixel;
  } else {
    job.input = memory.copy;
    const int64_t phases = static_cast<int64_t>(reading.phases.size());
    const int64_t floats = reading.phase_height * reading.phase_width * pixel;
    context.team.run(context.threads, context.first_worker, input.layout.channels * phases, [&](int64_t item, int64_t) {
      copy_phase(step, input, item / phases, static_cast<size_t>(item % phases), memory.copy + item * floats);
    });
  }
  job.flat_floats = ((output.layout.height - 1) * reading.row_stride + output.layout.width) * pixel;
  job.rows_per_group = step.weights->rows() / step.convolution.groups;
  for (const int64_t tap : reading.stencil.taps) job.taps.push_back(static_cast<int32_t>(tap * pixel));

  const auto& blocks = step.weights->row_blocks();
  const int64_t block_count = static_cast<int64_t>(blocks.size()), rows = step.weights->rows();
  const int64_t vectors = (job.flat_floats + job.lanes - 1) / job.lanes;
  const int64_t tile_vectors = form == Form::merged ? context.kernels.merged_vectors : kTileVectors;
  const int64_t tiles = (vectors + tile_vectors - 1) / tile_vectors;
  // Pieces small enough for every thread to get some.
  int64_t piece_rows = kPieceRows;
  while (piece_rows > 8 && tiles * ((rows + piece_rows - 1) / piece_rows) < 4 * context.threads) piece_rows /= 2;
  const int64_t piece = std::max<int64_t>(1, piece_rows * block_count / std::max<int64_t>(rows, 1));
  const int64_t pieces = (block_count + piece - 1) / piece;
  context.team.run(context.threads, context.first_worker, tiles * pieces, [&](int64_t item, int64_t worker) {
    // Tiles of even length, and all channels of one before the next, so that its input stays in the cache.
    const int64_t tile = item / pieces;
    const int64_t first = vectors * tile / tiles, count = vectors * (tile + 1) / tiles - first;
    const int64_t first_block = item % pieces * piece, last_block = std::min(first_block + piece, block_count);
    const int64_t first_row = blocks[first_block].first;
    const int64_t last_row = last_block < block_count ? blocks[last_block].first : rows;
    const int64_t start = first * job.lanes;
    if (tile == 0 && output.layout.is_padded()) {
      for (int64_t row = first_row; row < last_row; ++row) clear_padding(output, row);
    }
    const int64_t sum_rows = form == Form::dense ? 8 : last_row - first_row, stride = count * job.lanes;
    float* sums = context.scratch[worker].take(sum_rows * stride);
    if (form == Form::dense) return run_dense(job, first_block, last_block, start, count, sums);
    if (form == Form::sparse) run_sparse(job, first_row, last_row, start, count, sums);
    if (form == Form::merged) run_merged(job, first_row, last_row, start, count, sums);
    for (int64_t row = first_row; row < last_row; ++row) job.write(row, start, stride, sums + (row - first_row) * stride);
  });
}

}  // namespace finepune::serve
