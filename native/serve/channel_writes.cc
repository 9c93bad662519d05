#include "serve/channel_writes.h"

namespace finepune::serve {

ChannelWrites::ChannelWrites(const StepContext& context, const Step& step, const StepMemory& memory,
                             const ConvolutionTarget& target, int64_t sums_stride)
    : output_(target.planes),
      residual_(memory.residual),
      has_residual_(step.residual >= 0),
      first_channel_(target.first_channel),
      first_row_(target.first_row),
      output_plane_(output_.layout.plane() * context.pixel),
      output_stride_(output_.layout.row_stride() * context.pixel),
      residual_plane_(residual_.layout.plane() * context.pixel),
      residual_stride_(residual_.layout.row_stride() * context.pixel),
      sums_stride_(sums_stride),
      bias_(step.bias.data()),
      low_(step.low),
      high_(step.high) {}

void ChannelWrites::add(int64_t sum, int64_t y, int64_t column, int64_t rows, int64_t length) {
  const float* residual = has_residual_ ? residual_.row(first_channel_, first_row_ + y) + column : nullptr;
  parts_.push_back({sum, rows, length, residual, output_.row(0, y) + column});
}

}  // namespace finepune::serve
