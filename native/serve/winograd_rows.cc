#include "serve/winograd_rows.h"

#include <algorithm>

namespace finepune::serve {

namespace {

// Floats of a tile's transformed input: about half of a core's own cache.
constexpr int64_t kNearFloats = 96 << 10;
// Vectors of a tile, at most: its sums of eight channels stay in the nearest cache.
constexpr int64_t kTileVectors = 12;
// Output channels of a piece, at least: the input is transformed once a piece.
constexpr int64_t kFewestPieceRows = 32;
// Rows of a block, at most.
constexpr int64_t kBlockRows = 8;

}  // namespace

WinogradRows::WinogradRows(const StepContext& context, const Step& step, const StepMemory& memory)
    : context_(context),
      step_(step),
      memory_(memory),
      weights_(*step.weights),
      tap_rows_(step.convolution.kernel[0]),
      points_(winograd_points(tap_rows_)),
      lanes_(context.kernels.lanes),
      row_floats_(step.reading.row_stride * context.pixel),
      plane_(step.reading.stencil.plane * context.pixel),
      channels_(step.reading.stencil.channels) {
  const Planes& input = memory.inputs[0];
  const Padding& padding = step.convolution.padding;
  input_ = input.row(0, 0) - (padding.top * step.reading.row_stride + padding.left) * context.pixel;
  const std::vector<int64_t>& taps = step.reading.stencil.taps;
  for (int64_t tap = 0; tap < static_cast<int64_t>(taps.size()) / tap_rows_; ++tap) {
    taps_.push_back(static_cast<int32_t>(taps[static_cast<size_t>(tap)] * context.pixel));
  }
  zeros_.assign(static_cast<size_t>(row_floats_ + lanes_), 0.0f);
}

int64_t WinogradRows::most_pieces_a_group() const {
  const int64_t groups = step_.convolution.groups;
  const int64_t blocks = static_cast<int64_t>(weights_.row_blocks().size()) / groups;
  return std::clamp<int64_t>(weights_.rows() / groups / kFewestPieceRows, 1, blocks);
}

ConvolutionPiece WinogradRows::piece(int64_t pieces_a_group, int64_t number) const {
  const std::vector<RowBlock>& blocks = weights_.row_blocks();
  const int64_t count = static_cast<int64_t>(blocks.size()), group_blocks = count / step_.convolution.groups;
  const int64_t begin = number / pieces_a_group * group_blocks, part = number % pieces_a_group;
  const int64_t first = begin + group_blocks * part / pieces_a_group;
  const int64_t last = begin + group_blocks * (part + 1) / pieces_a_group;
  return {first, last, blocks[first].first, last < count ? blocks[last].first : weights_.rows()};
}

int64_t WinogradRows::vectors(int64_t rows) const {
  const int64_t bands = (rows + kWinogradRows - 1) / kWinogradRows;
  return ((bands - 1) * row_floats_ + step_.width * context_.pixel + lanes_ - 1) / lanes_;
}

int64_t WinogradRows::tile_vectors() const {
  return std::clamp<int64_t>(kNearFloats / (points_ * channels_ * lanes_), 1, kTileVectors);
}

int64_t WinogradRows::tiles(int64_t rows) const {
  const int64_t most = tile_vectors();
  return (vectors(rows) + most - 1) / most;
}

int64_t WinogradRows::channel_stride(int64_t vectors) const {
  return ((vectors + 1) * lanes_ + taps_.back() + lanes_ - 1) / lanes_ * lanes_;
}

int64_t WinogradRows::floats() const {
  const int64_t stride = tile_vectors() * lanes_;
  return points_ * channels_ * channel_stride(tile_vectors()) + kBlockRows * points_ * stride + lanes_;
}

void WinogradRows::compute(const ConvolutionPiece& piece, const ConvolutionTarget& target, int64_t tile,
                           int64_t tiles, float* memory) const {
  const int64_t all = vectors(target.planes.layout.height);
  const int64_t begin = all * tile / tiles, count = all * (tile + 1) / tiles - begin;
  const int64_t length = count * lanes_ + taps_.back(), stride = count * lanes_;
  const int64_t channel_floats = channel_stride(count), point_stride = channels_ * channel_floats;
  float* values = memory;
  float* sums = values + points_ * point_stride;

  const int64_t group = piece.first_row / (weights_.rows() / step_.convolution.groups);
  for (int64_t c = 0; c < channels_; ++c) {
    const float* plane = input_ + (group * channels_ + c) * plane_ + target.first_row * row_floats_;
    transform_channel(target, plane, begin * lanes_, length, values + c * channel_floats, point_stride);
  }
  const ChannelWrites writes = channel_writes(target, begin * lanes_, stride);
  for (int64_t i = piece.first_block; i < piece.last_block; ++i) {
    const RowBlock& block = weights_.row_blocks()[static_cast<size_t>(i)];
    for (int64_t point = 0; point < points_; ++point) {
      context_.kernels.dense({values + point * point_stride, channels_, channel_floats, taps_.data(),
                              static_cast<int64_t>(taps_.size()),
                              weights_.winograd().point(point) + block.offset / tap_rows_, block.rows, count,
                              sums + point * stride, points_ * stride});
    }
    for (int64_t r = 0; r < block.rows; ++r) {
      writes.each(block.first + r, sums + r * points_ * stride,
                  [&](const cpu::RowsWrite& write) { context_.kernels.winograd_output({points_, write}); });
    }
  }
}

// The values of the band's floats [begin, begin + length) of one channel. A part that spills over is written again by
// the next.
void WinogradRows::transform_channel(const ConvolutionTarget& target, const float* plane, int64_t begin,
                                     int64_t length, float* values, int64_t point_stride) const {
  const int64_t input_rows = step_.height + tap_rows_ - 1 - target.first_row;
  for (int64_t done = 0; done < length;) {
    const int64_t y = (begin + done) / row_floats_ * kWinogradRows, column = (begin + done) % row_floats_;
    cpu::WinogradInput part{};
    part.points = points_;
    for (int64_t row = 0; row < points_; ++row) {
      part.rows[row] = y + row < input_rows ? plane + (y + row) * row_floats_ + column : zeros_.data();
    }
    part.count = std::min(row_floats_ - column, length - done);
    part.output = values + done;
    part.output_stride = point_stride;
    context_.kernels.winograd_input(part);
    done += part.count;
  }
}

// Of the band's floats [begin, begin + length), those that are pixels of the target.
ChannelWrites WinogradRows::channel_writes(const ConvolutionTarget& target, int64_t begin, int64_t length) const {
  const int64_t width = step_.width * context_.pixel, height = target.planes.layout.height;
  ChannelWrites writes(context_, step_, memory_, target, length);
  for (int64_t done = 0; done < length;) {
    const int64_t y = (begin + done) / row_floats_ * kWinogradRows, column = (begin + done) % row_floats_;
    if (y >= height) break;
    const int64_t part = std::min(row_floats_ - column, length - done), count = std::min(part, width - column);
    if (count > 0) writes.add(done, y, column, std::min(kWinogradRows, height - y), count);
    done += part;
  }
  return writes;
}

}  // namespace finepune::serve
