// Errors of the CUDA runtime as exceptions; no libtorch here.
#pragma once

#include <cuda_runtime_api.h>

namespace finepune::cuda {

// Throws Error("E_OOM") where `status` says that memory ran out, Error("E_DEVICE") on any other error, naming `what` was
// being done.
void check(cudaError_t status, const char* what);

// After a launch of `kernel`: as check of what the launch left. An error of an earlier kernel may come out here too.
void check_launch(const char* kernel);

}  // namespace finepune::cuda
