// Images and weights of convolutions as they lie in memory: [N, H, W, C].
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

namespace finepune {

inline at::Tensor channels_last(const at::Tensor& tensor) { return tensor.contiguous(at::MemoryFormat::ChannelsLast); }

// float32, on the CPU.
inline at::Tensor empty_channels_last(int64_t images, int64_t channels, int64_t height, int64_t width) {
  return at::empty({images, channels, height, width},
                   at::TensorOptions().dtype(at::kFloat).memory_format(at::MemoryFormat::ChannelsLast));
}

}  // namespace finepune
