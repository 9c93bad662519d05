// Which instruction set's kernels are used. Not for files compiled for other instruction sets than the rest.
#pragma once

#include <string_view>

#include "ops/cpu/direct_kernels.h"

namespace finepune::cpu {

// Of the widest vectors this CPU has.
inline const DirectKernels& best_direct_kernels() {
  int count = 0;
  const DirectKernels* const* all = direct_kernels(&count);
  return *all[count - 1];
}

// Null where this CPU has none called `name`.
inline const DirectKernels* find_direct_kernels(std::string_view name) {
  int count = 0;
  const DirectKernels* const* all = direct_kernels(&count);
  for (int i = 0; i < count; ++i) {
    if (name == all[i]->name) return all[i];
  }
  return nullptr;
}

}  // namespace finepune::cpu
