// How a convolution reads its input: see ConvolutionReading in program.h.
#pragma once

#include "serve/program.h"

namespace finepune::serve {

bool is_unit_stride(const ConvolutionShape& shape);

// For one group's channels of `input`, to compute `height` rows and `width` columns.
ConvolutionReading plan_reading(const ConvolutionShape& shape, const Layout& input, int64_t height, int64_t width);

}  // namespace finepune::serve
