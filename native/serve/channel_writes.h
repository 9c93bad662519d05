// How sums of a convolution become the pixels of its channels, whatever computed them.
#pragma once

#include <cstdint>
#include <vector>

#include "serve/convolution_piece.h"
#include "serve/run_step.h"

namespace finepune::serve {

// What finishes the sums of a tile, with the step's bias, residual and limits: places are found once for all channels.
class ChannelWrites {
 public:
  // Sums of two rows are `sums_stride` floats apart.
  ChannelWrites(const StepContext& context, const Step& step, const StepMemory& memory,
                const ConvolutionTarget& target, int64_t sums_stride);

  // Some rows of `length` floats of a channel's sums from number `sum` on go to the target's row y, float `column`.
  void add(int64_t sum, int64_t y, int64_t column, int64_t rows, int64_t length);

  // Calls take(RowsWrite) for all that was added, of one channel.
  template <typename Take>
  void each(int64_t channel, const float* sums, const Take& take) const {
    const int64_t planes = channel - first_channel_;
    for (const Part& part : parts_) {
      take(cpu::RowsWrite{sums + part.sum, part.residual == nullptr ? nullptr : part.residual + planes * residual_plane_,
                          part.output + planes * output_plane_, part.length, bias_[channel], low_, high_, part.rows,
                          sums_stride_, residual_stride_, output_stride_});
    }
  }

 private:
  // Pointers of the target's first channel.
  struct Part {
    int64_t sum, rows, length;
    const float* residual;
    float* output;
  };

  Planes output_, residual_;
  bool has_residual_;
  int64_t first_channel_, first_row_, output_plane_, output_stride_, residual_plane_, residual_stride_, sums_stride_;
  const float* bias_;
  float low_, high_;
  std::vector<Part> parts_;
};

}  // namespace finepune::serve
