#include "serve/pool_rows.h"

#include <algorithm>

namespace finepune::serve {

RowRange covered_rows(const PoolWindows& windows, RowRange pooled) {
  const int64_t begin = pooled.first * windows.strides[0] - windows.padding.top;
  const int64_t end = (pooled.last - 1) * windows.strides[0] - windows.padding.top + windows.kernel[0];
  return {std::max<int64_t>(begin, 0), std::min(end, windows.input[0])};
}

int64_t pool_scratch(const StepContext& context, const PoolWindows& windows) {
  const int64_t covered = std::max((windows.output[1] - 1) * windows.strides[1] + windows.kernel[1],
                                   windows.padding.left + windows.input[1]);
  return covered * context.pixel + 3 * context.kernels.lanes;
}

void pool_rows(const StepContext& context, const Step& step, PooledPlane input, PooledPlane output, RowRange pooled,
               float* scratch) {
  const PoolWindows& windows = step.windows;
  const int64_t pixel = context.pixel, width = windows.output[1];
  for (int64_t y = pooled.first; y < pooled.last; ++y) {
    const RowRange covered = covered_rows(windows, {y, y + 1});
    float* to = output.planes.row(output.channel, y - output.first_row);
    const cpu::PoolRow row{input.planes.row(input.channel, covered.first - input.first_row),
                           input.planes.layout.row_stride(),
                           covered.last - covered.first,
                           windows.input[1],
                           windows.padding.left,
                           windows.kernel[1],
                           windows.strides[1],
                           pixel,
                           width,
                           to,
                           scratch};
    if (step.kind != StepKind::average_pool) {
      context.kernels.max_row(row);
      continue;
    }
    context.kernels.sum_row(row);
    for (int64_t x = 0; x < width; ++x) {
      const int64_t cells = windows.cells(0, y, step.count_padding) * windows.cells(1, x, step.count_padding);
      const float factor = 1.0f / static_cast<float>(std::max<int64_t>(cells, 1));
      for (int64_t lane = 0; lane < pixel; ++lane) to[x * pixel + lane] *= factor;
    }
  }
}

}  // namespace finepune::serve
