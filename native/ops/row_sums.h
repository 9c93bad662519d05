// Sums over a batch on a GPU, where libtorch's take the longer the fewer the columns.
#pragma once

#include <ATen/core/Tensor.h>

namespace finepune {

// float32 [C]: the sums over n of `rows` [N, C], float32 or bfloat16 on a CUDA device, in one order. Blocks share columns, not
// rows: for hundreds of rows, not for the pixels of a batch. Queued on the current
// stream. Throws Error("E_DEVICE") where the launch is refused.
at::Tensor row_sums(const at::Tensor& rows);

}  // namespace finepune
