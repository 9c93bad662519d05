// How many threads anybody may ask for.
#pragma once

#include <cstdint>

namespace finepune {

constexpr int64_t kMostThreads = 4096;

}  // namespace finepune
