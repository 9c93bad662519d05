// What the current device allows a launch, and errors of the CUDA runtime as exceptions; no libtorch here.
#pragma once

#include <cuda_runtime_api.h>

namespace finepune::cuda {

// Throws Error("E_OOM") where `status` says that memory ran out, Error("E_DEVICE") on any other error, naming `what` was
// being done.
void check(cudaError_t status, const char* what);

// After a launch of `kernel`: as check of what the launch left. An error of an earlier kernel may come out here too.
void check_launch(const char* kernel);

// Of the current device. Throws Error("E_DEVICE") where it cannot be asked.
int device_attribute(cudaDeviceAttr attribute);

// Allows launches of `kernel` on the current device all the dynamic shared memory that a block can have there, which is
// more than a kernel gets unasked. The same for every launch: a lower limit would hold for launches in graphs recorded
// before, too. Throws Error("E_DEVICE") where that is refused.
void allow_most_shared_memory(const void* kernel);

template <typename... Parameters>
void allow_most_shared_memory(void (*kernel)(Parameters...)) {
  allow_most_shared_memory(reinterpret_cast<const void*>(kernel));
}

}  // namespace finepune::cuda
