// Which instruction set's kernels a network computes with.
#pragma once

#include <string>

#include "ops/cpu/direct_kernels.h"

namespace finepune {

inline const cpu::DirectKernels& best_direct_kernels() {
  int count = 0;
  const cpu::DirectKernels* const* all = cpu::direct_kernels(&count);
  return *all[count - 1];
}

// The kernels called `name`, which this CPU must have.
inline const cpu::DirectKernels& direct_kernels_called(const std::string& name) {
  int count = 0;
  const cpu::DirectKernels* const* all = cpu::direct_kernels(&count);
  int i = 0;
  while (i + 1 < count && name != all[i]->name) ++i;
  return *all[i];
}

}  // namespace finepune
