// Which values have zeros for certain: those behind a ReLU; and which of them have few.
#pragma once

#include <cstdint>

#include "serve/program.h"

namespace finepune::serve {

// Whether all of `value` comes from steps that let nothing below 0 through, poolings in between included.
bool is_rectified(const Program& program, int64_t value);

// Whether some of `value` is drawn from several pixels each, and so hardly ever 0.
bool is_pooled(const Program& program, int64_t value);

}  // namespace finepune::serve
