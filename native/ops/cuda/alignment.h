// Where vectors of a kernel may begin.
#pragma once

#include <cstdint>

namespace finepune::cuda {

inline bool is_aligned(const void* address, uintptr_t bytes) {
  return reinterpret_cast<uintptr_t>(address) % bytes == 0;
}

}  // namespace finepune::cuda
