// What becomes of a convolution's sums on the CPU before anything reads them.
#pragma once

#include <ATen/core/Tensor.h>

namespace finepune {

struct OutputFinish {
  // max(sum, 0); NaN stays NaN.
  bool rectify = false;
  // Whether what the sums are computed from is known to be finite, so that a rectifier need not heed NaN.
  bool finite = false;
  // [N, out, H', W']: channels of a wider tensor in channels_last memory, which the rectified sums are written to; null
  // for a tensor of their own. Only where no gradient is wanted.
  const at::Tensor* place = nullptr;
};

}  // namespace finepune
