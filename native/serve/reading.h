// How a convolution reads its input: see ConvolutionReading in program.h.
#pragma once

#include "serve/program.h"

namespace finepune::serve {

bool is_unit_stride(const ConvolutionShape& shape);

// Throws std::invalid_argument naming the node where a plane has more pixels than kernels count in 32 bits: the
// paddings and dilations of a small spec can ask for any number. A plane of `rows` x `columns` x `layers` pixels, or of
// `layout`.
void check_plane(const std::string& node, int64_t rows, int64_t columns, int64_t layers = 1);
void check_plane(const std::string& node, const Layout& layout);

// For one group's channels of a convolution's `input`. Throws as check_plane.
ConvolutionReading plan_reading(const Step& convolution, const Layout& input);

}  // namespace finepune::serve
