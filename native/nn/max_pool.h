// Maxima of windows where nothing learns: no places of maxima are kept, and rows are compared before columns.
#pragma once

#include <ATen/core/Tensor.h>

#include "ops/cpu/direct_kernels.h"
#include "pool_windows.h"

namespace finepune {

// Whether `images` [N, C, H, W] are such as max_pool takes: float32 on the CPU, whole vectors of channels.
bool has_max_pool(const at::Tensor& images, const cpu::DirectKernels& kernels);

// [N, C, ...] of windows.output in channels_last memory. NaN wins. Without autograd.
at::Tensor max_pool(const at::Tensor& images, const PoolWindows& windows, const cpu::DirectKernels& kernels);

}  // namespace finepune
