#include "ops/device.h"

#include <ATen/Context.h>

#include "ops/error.h"

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

void synchronize(c10::Device device) {
  if (!device.is_cuda()) return;
  const c10::cuda::CUDAGuard guard(device);
  c10::cuda::device_synchronize();
}

DeviceMemoryUse device_memory_use(c10::Device device) {
  if (!device.is_cuda()) return {};
  // The first of each counter is the sum of all kinds of blocks.
  const auto bytes = c10::cuda::CUDACachingAllocator::getDeviceStats(device.index()).allocated_bytes[0];
  return {bytes.current, bytes.peak};
}

void restart_most_used(c10::Device device) {
  if (device.is_cuda()) c10::cuda::CUDACachingAllocator::resetPeakStats(device.index());
}

int64_t free_device_memory(c10::Device device) {
  if (!device.is_cuda()) return 0;
  const c10::cuda::CUDAGuard guard(device);
  size_t free = 0;
  size_t total = 0;
  if (cudaMemGetInfo(&free, &total) != cudaSuccess) return 0;
  return static_cast<int64_t>(free);
}

void release_kept_device_memory() noexcept {
  try {
    if (c10::cuda::device_count() > 0) c10::cuda::CUDACachingAllocator::emptyCache();
  } catch (const std::exception&) {
    // An error that stays is reported by every later call.
  }
}

}  // namespace finepune

#else

namespace finepune {

bool is_built_with_cuda() { return false; }

std::vector<std::string> cuda_device_names() { return {}; }

void select_device(c10::Device) {}

void synchronize(c10::Device) {}

DeviceMemoryUse device_memory_use(c10::Device) { return {}; }

void restart_most_used(c10::Device) {}

int64_t free_device_memory(c10::Device) { return 0; }

void release_kept_device_memory() noexcept {}

}  // namespace finepune

#endif

namespace finepune {

c10::Device parse_device(const std::string& name) {
  if (name == "cpu") return c10::Device(c10::kCPU);
  const bool well_formed = name.starts_with("cuda:") && name.size() > 5 && name.size() < 8 &&
                           name.find_first_not_of("0123456789", 5) == std::string::npos;
  if (!well_formed) throw Error("E_USAGE", "expected cpu or cuda:N for device but received " + name);
  if (!is_built_with_cuda()) {
    throw Error("E_DEVICE", "device " + name + " was asked for but this build computes on the CPU only; use device cpu");
  }
  const int number = std::stoi(name.substr(5));
  const auto visible = static_cast<int>(cuda_device_names().size());
  if (number >= visible) {
    throw Error("E_DEVICE", "device " + name + " was asked for but " + std::to_string(visible) +
                                " CUDA devices are visible; use device cpu or another number");
  }
  return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(number));
}

void set_product_precision(c10::Device device, bool tensor_float32) {
  if (!device.is_cuda()) return;
  at::globalContext().setAllowTF32CuBLAS(tensor_float32);
  at::globalContext().setAllowTF32CuDNN(tensor_float32);
  // One seed gives the same bits: cuDNN's algorithms that add in any order are left out, and which of the others is
  // taken is its own rule and not a race between them. On a GPU neither was slower (test/bench/NOTES.md).
  at::globalContext().setBenchmarkCuDNN(false);
  at::globalContext().setDeterministicCuDNN(true);
}

}  // namespace finepune
