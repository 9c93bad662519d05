// A convolution with three rows of taps by Winograd's minimal filtering F(4, 3) (Winograd, "Arithmetic Complexity of
// Computations", 1980; Lavin and Gray, CVPR 2016, equation 15) down the columns alone: 6 products give what takes 12.
//
//   output rows 4t .. 4t+3 = A^T [ (G g) . (B^T d) ],  d: padded input rows 4t .. 4t+5
//
// Along a row the taps are multiplied as they are: neighbouring pixels stay neighbours, so that each of the six
// products is a direct convolution of one row of taps, and no error grows in two directions.
//
// Notation: a band is the pixels of all rows t one after the other in the input's row stride, six values each. It is
// computed in tiles of some vectors, whose six values stay in the core's own cache while all output channels of a piece
// read them.
#include <algorithm>
#include <array>
#include <vector>

#include "serve/run_step.h"
#include "serve/winograd_weights.h"

namespace finepune::serve {

namespace {

// Floats of a tile's transformed input: about half of a core's own cache.
constexpr int64_t kNearFloats = 96 << 10;
// Vectors of a tile, at most: its six sums of eight channels stay in the nearest cache.
constexpr int64_t kTileVectors = 12;
// Output channels of a piece, at least: the input is transformed once a piece.
constexpr int64_t kFewestPieceRows = 32;
// Output channels of a group below which transforming its input is not worth trying.
constexpr int64_t kFewestRows = 8;
// Items of work a thread: enough for all to end together.
constexpr int64_t kItemsAThread = 4;

class WinogradRows {
 public:
  WinogradRows(const StepContext& context, const Step& step, const StepMemory& memory)
      : context_(context),
        step_(step),
        memory_(memory),
        weights_(*step.weights),
        lanes_(context.kernels.lanes),
        row_floats_(step.reading.row_stride * context.pixel),
        plane_(step.reading.stencil.plane * context.pixel),
        channels_(step.reading.stencil.channels) {
    const Planes& input = memory.inputs[0];
    const Padding& padding = step.convolution.padding;
    input_ = input.row(0, 0) - (padding.top * step.reading.row_stride + padding.left) * context.pixel;
    const std::vector<int64_t>& taps = step.reading.stencil.taps;
    for (size_t tap = 0; tap < taps.size() / kWinogradTaps; ++tap) {
      taps_.push_back(static_cast<int32_t>(taps[tap] * context.pixel));
    }
    const int64_t rows = (step.height + kWinogradRows - 1) / kWinogradRows;
    vectors_ = (((rows - 1) * step.reading.row_stride + step.width) * context.pixel + lanes_ - 1) / lanes_;
    const int64_t most = std::clamp<int64_t>(kNearFloats / (kWinogradPoints * channels_ * lanes_), 1, kTileVectors);
    tiles_ = (vectors_ + most - 1) / most;
    zeros_.assign(static_cast<size_t>(row_floats_ + lanes_), 0.0f);
    share_channels();
  }

  void run() const {
    context_.team.run(context_.threads, context_.first_worker, tiles_ * pieces_, [&](int64_t item, int64_t worker) {
      const int64_t tile = item / pieces_, first = vectors_ * tile / tiles_;
      compute(item % pieces_, first, vectors_ * (tile + 1) / tiles_ - first, context_.scratch[worker]);
    });
  }

 private:
  // Pieces of blocks of rows, none of two groups.
  void share_channels() {
    const int64_t blocks = static_cast<int64_t>(weights_.row_blocks().size()), groups = step_.convolution.groups;
    group_blocks_ = blocks / groups;
    const int64_t rows = weights_.rows() / groups, most = std::max<int64_t>(1, rows / kFewestPieceRows);
    int64_t pieces_a_group = 1;
    while (2 * pieces_a_group <= most && tiles_ * groups * pieces_a_group < kItemsAThread * context_.threads &&
           context_.threads > 1) {
      pieces_a_group *= 2;
    }
    pieces_a_group_ = std::min(pieces_a_group, group_blocks_);
    pieces_ = groups * pieces_a_group_;
  }

  // Vectors [first, first + count) of the band, of one piece of the output channels.
  void compute(int64_t piece, int64_t first, int64_t count, Scratch& scratch) const {
    const int64_t length = count * lanes_ + taps_.back(), stride = count * lanes_;
    const int64_t channel_stride = (length + 2 * lanes_ - 1) / lanes_ * lanes_;
    const int64_t point_stride = channels_ * channel_stride;
    const int64_t sum_floats = 8 * kWinogradPoints * stride;
    float* values = scratch.take(kWinogradPoints * point_stride + sum_floats + kWinogradRows * stride);
    float* sums = values + kWinogradPoints * point_stride;
    float* rows = sums + sum_floats;

    const int64_t group = piece / pieces_a_group_, part = piece % pieces_a_group_;
    for (int64_t c = 0; c < channels_; ++c) {
      transform_input(input_ + (group * channels_ + c) * plane_, first * lanes_, length, values + c * channel_stride,
                      point_stride);
    }
    const int64_t begin = group * group_blocks_;
    for (int64_t i = begin + group_blocks_ * part / pieces_a_group_;
         i < begin + group_blocks_ * (part + 1) / pieces_a_group_; ++i) {
      const RowBlock& block = weights_.row_blocks()[i];
      for (int64_t point = 0; point < kWinogradPoints; ++point) {
        const float* packed = weights_.winograd().packed.data() + point * weights_.winograd().point_floats();
        context_.kernels.dense({values + point * point_stride, channels_, channel_stride, taps_.data(),
                                static_cast<int64_t>(taps_.size()), packed + block.offset / kWinogradTaps, block.rows,
                                count, sums + point * stride, kWinogradPoints * stride});
      }
      for (int64_t r = 0; r < block.rows; ++r) {
        context_.kernels.winograd_output({sums + r * kWinogradPoints * stride, rows, stride, count});
        if (first == 0) clear_padding(memory_.output, block.first + r);
        write(block.first + r, first * lanes_, stride, rows);
      }
    }
  }

  // The six values of the band's floats [begin, begin + length) of one channel. A part that spills over is written
  // again by the next.
  void transform_input(const float* plane, int64_t begin, int64_t length, float* values, int64_t point_stride) const {
    const int64_t input_rows = step_.height + kWinogradTaps - 1;
    for (int64_t done = 0; done < length;) {
      const int64_t y = (begin + done) / row_floats_ * kWinogradRows, column = (begin + done) % row_floats_;
      cpu::WinogradInput part{};
      for (int64_t row = 0; row < kWinogradPoints; ++row) {
        part.rows[row] = y + row < input_rows ? plane + (y + row) * row_floats_ + column : zeros_.data();
      }
      part.count = std::min(row_floats_ - column, length - done);
      part.output = values + done;
      part.output_stride = point_stride;
      context_.kernels.winograd_input(part);
      done += part.count;
    }
  }

  // Of the band's floats [begin, begin + length) of one output channel, four rows of `stride` = length each, those that
  // are pixels of the image.
  void write(int64_t channel, int64_t begin, int64_t length, const float* rows) const {
    const Planes &output = memory_.output, &residual = memory_.residual;
    const int64_t width = step_.width * context_.pixel;
    for (int64_t done = 0; done < length;) {
      const int64_t y = (begin + done) / row_floats_ * kWinogradRows, column = (begin + done) % row_floats_;
      if (y >= step_.height) return;
      const int64_t part = std::min(row_floats_ - column, length - done);
      const int64_t count = std::min(part, width - column);
      if (count > 0) {
        cpu::RowsWrite write{rows + done, nullptr,   output.row(channel, y) + column, count, step_.bias[channel],
                             step_.low,   step_.high};
        write.rows = std::min(kWinogradRows, step_.height - y);
        write.sums_stride = length;
        write.output_stride = output.layout.row_stride() * context_.pixel;
        if (step_.residual >= 0) {
          write.residual = residual.row(channel, y) + column;
          write.residual_stride = residual.layout.row_stride() * context_.pixel;
        }
        context_.kernels.write_rows(write);
      }
      done += part;
    }
  }

  const StepContext& context_;
  const Step& step_;
  const StepMemory& memory_;
  const Weights& weights_;
  int64_t lanes_, row_floats_, plane_, channels_;
  const float* input_;
  std::vector<int32_t> taps_;
  std::vector<float> zeros_;
  int64_t vectors_ = 0, tiles_ = 0;
  int64_t group_blocks_ = 0, pieces_a_group_ = 0, pieces_ = 0;
};

}  // namespace

bool can_be_winograd(const Step& step) {
  const ConvolutionShape& shape = step.convolution;
  return step.kind == StepKind::convolution && !step.pooled && step.reading.direct &&
         shape.kernel[0] == kWinogradTaps && shape.dilations[0] == 1 &&
         step.weights->rows() / shape.groups >= kFewestRows;
}

void run_winograd(const StepContext& context, const Step& step, const StepMemory& memory) {
  WinogradRows(context, step, memory).run();
}

}  // namespace finepune::serve
