// How a convolution reads its input: see ConvolutionReading in program.h.
#pragma once

#include "serve/program.h"

namespace finepune::serve {

bool is_unit_stride(const ConvolutionShape& shape);

// For one group's channels of `input`.
ConvolutionReading plan_reading(const ConvolutionShape& shape, const Layout& input, const Layout& output);

}  // namespace finepune::serve
