// What follows a convolution in one pass over memory: bias and rectifier on a GPU, or bias, rectifier and maximum pooling.
// Separately each of them reads and writes all activations, which takes a GPU longer than the convolution. On the CPU a
// convolution adds its bias itself, and only pooling is here.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include <ATen/core/Tensor.h>

#include "ops/pool_grid.h"
#include "ops/pool_places.h"

namespace finepune {

// All tensors: on one CUDA device, for pooling also on the CPU. Activations: [N, C, H, W] in channels_last memory, float32
// or bfloat16, all of one call alike, on the CPU such as has_placed_pool takes; biases and their gradients: float32 [C],
// none on the CPU. Sums are rounded to the activations' type once. Work of a GPU is queued on the current stream; the same
// inputs give the same bits. NaN passes through. Throw Error("E_DEVICE") where a launch is refused.

// max(sums + bias, 0), in the memory of `sums`.
void rectify_sums(const at::Tensor& sums, const std::optional<at::Tensor>& bias);

// Gradients by the sums and by the bias (undefined unless `wants_bias`), of that by the output and of the output.
std::pair<at::Tensor, at::Tensor> rectify_sums_backward(const at::Tensor& gradient, const at::Tensor& output,
                                                        bool wants_bias);

// A pooling's output, and for each of its values which cell of its window gave it: uint8, rows of cells first; kNowhere
// where none did, because the value is 0 for being rectified or the window has no cells.
struct PooledSums {
  at::Tensor values, places;
};

// Cells of a window that places can tell apart.
constexpr int64_t most_window_cells = kNowhere;

// The largest of max(sums + bias, 0) in each window, which has at most most_window_cells cells; without the rectifier
// where `rectify` is false, and -infinity then where a window has no cells.
PooledSums pool_sums(const at::Tensor& sums, const std::optional<at::Tensor>& bias, bool rectify, const PoolGrid& grid);

// Gradients by the sums and by the bias (undefined unless `wants_bias`), of that by the pooled values.
std::pair<at::Tensor, at::Tensor> pool_sums_backward(const at::Tensor& gradient, const at::Tensor& places,
                                                     const PoolGrid& grid, bool wants_bias);

}  // namespace finepune
