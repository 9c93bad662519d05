#include "serve/write_block.h"

namespace finepune::serve {

void write_block(const StepContext& context, const Step& step, const StepMemory& memory,
                 const ConvolutionTarget& target, int64_t channel, int64_t y, int64_t column, const SumRows& from) {
  const Planes &output = target.planes, &residual = memory.residual;
  cpu::RowsWrite write{from.sums,
                       nullptr,
                       output.row(channel - target.first_channel, y) + column,
                       from.length,
                       step.bias[static_cast<size_t>(channel)],
                       step.low,
                       step.high};
  write.rows = from.rows;
  write.sums_stride = from.stride;
  write.output_stride = output.layout.row_stride() * context.pixel;
  if (step.residual >= 0) {
    write.residual = residual.row(channel, target.first_row + y) + column;
    write.residual_stride = residual.layout.row_stride() * context.pixel;
  }
  context.kernels.write_rows(write);
}

}  // namespace finepune::serve
