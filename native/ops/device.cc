#include "ops/device.h"

#ifdef FINEPUNE_WITH_CUDA
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <cuda_runtime_api.h>

namespace finepune {

bool is_built_with_cuda() { return true; }

std::vector<std::string> cuda_device_names() {
  std::vector<std::string> names;
  for (int device = 0; device < c10::cuda::device_count(); ++device) {
    cudaDeviceProp properties{};
    const bool known = cudaGetDeviceProperties(&properties, device) == cudaSuccess;
    names.emplace_back(known ? properties.name : "unknown");
  }
  return names;
}

void select_device(c10::Device device) {
  if (device.is_cuda()) c10::cuda::set_device(device.index());
}

int64_t free_device_memory(c10::Device device) {
  if (!device.is_cuda()) return 0;
  const c10::cuda::CUDAGuard guard(device);
  size_t free = 0;
  size_t total = 0;
  if (cudaMemGetInfo(&free, &total) != cudaSuccess) return 0;
  return static_cast<int64_t>(free);
}

void release_kept_device_memory() {
  if (c10::cuda::device_count() > 0) c10::cuda::CUDACachingAllocator::emptyCache();
}

}  // namespace finepune

#else

namespace finepune {

bool is_built_with_cuda() { return false; }

std::vector<std::string> cuda_device_names() { return {}; }

void select_device(c10::Device) {}

int64_t free_device_memory(c10::Device) { return 0; }

void release_kept_device_memory() {}

}  // namespace finepune

#endif
