#include "max_pool.h"

#include <algorithm>
#include <vector>

#include <ATen/Parallel.h>

#include "channels_last.h"

namespace finepune {

bool has_max_pool(const at::Tensor& images, const cpu::DirectKernels& kernels) {
  return images.is_cpu() && images.scalar_type() == at::kFloat && images.size(1) % kernels.lanes == 0;
}

at::Tensor max_pool(const at::Tensor& given, const PoolWindows& windows, const cpu::DirectKernels& kernels) {
  const at::Tensor images = channels_last(given);
  const int64_t channels = images.size(1);
  const auto& [input_height, input_width] = windows.input;
  const auto& [height, width] = windows.output;
  at::Tensor output = empty_channels_last(images.size(0), channels, height, width);
  const float* from = images.const_data_ptr<float>();
  float* to = output.mutable_data_ptr<float>();
  const int64_t covered = std::max((width - 1) * windows.strides[1] + windows.kernel[1],
                                   windows.padding.left + input_width);
  at::parallel_for(0, images.size(0) * height, 4, [&](int64_t begin, int64_t end) {
    std::vector<float> scratch(static_cast<size_t>(covered * channels + 3 * kernels.lanes));
    for (int64_t row = begin; row < end; ++row) {
      const int64_t y = row % height * windows.strides[0] - windows.padding.top;
      const int64_t first = std::max<int64_t>(y, 0), last = std::min(y + windows.kernel[0], input_height);
      const float* line = from + (row / height * input_height + first) * input_width * channels;
      kernels.max_row({line, input_width, last - first, input_width, windows.padding.left, windows.kernel[1],
                       windows.strides[1], channels, width, to + row * width * channels, scratch.data()});
    }
  });
  return output;
}

}  // namespace finepune
