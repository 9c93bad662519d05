#include "ops/cuda/launch.h"

#include <string>

#include "ops/error.h"

namespace finepune::cuda {

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  const bool memory = status == cudaErrorMemoryAllocation;
  throw Error(memory ? "E_OOM" : "E_DEVICE",
              std::string("CUDA: ") + what + ": " + cudaGetErrorString(status) +
                  (memory ? "; use a smaller batch" : "; see `finepune-native doctor`, or use device cpu"));
}

void check_launch(const char* kernel) { check(cudaGetLastError(), kernel); }

}  // namespace finepune::cuda
