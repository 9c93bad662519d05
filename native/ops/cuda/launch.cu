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

int device_attribute(cudaDeviceAttr attribute) {
  int device = 0, value = 0;
  check(cudaGetDevice(&device), "current device");
  check(cudaDeviceGetAttribute(&value, attribute, device), "attribute of a device");
  return value;
}

void allow_most_shared_memory(const void* kernel) {
  cudaFuncAttributes attributes{};
  check(cudaFuncGetAttributes(&attributes, kernel), "attributes of a kernel");
  const int room = device_attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin) - static_cast<int>(attributes.sharedSizeBytes);
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, room), "shared memory of a kernel");
}

}  // namespace finepune::cuda
