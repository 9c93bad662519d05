// What a build without CUDA says where a GPU's work is asked of it.
#pragma once

#include "ops/error.h"

namespace finepune {

[[noreturn]] inline void lack_cuda() {
  throw Error("E_DEVICE", "this build computes on the CPU only; use device cpu");
}

}  // namespace finepune
