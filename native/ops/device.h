// Where tensors can live, in builds with and without CUDA.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <c10/core/Device.h>

namespace finepune {

// Whether this build has CUDA kernels.
bool is_built_with_cuda();

// Names of the CUDA devices this process sees; none where the build has no CUDA or the machine no driver. Never throws.
std::vector<std::string> cuda_device_names();

// The device called `name`, 'cpu' or 'cuda:N'. Throws Error("E_DEVICE") where it is not there, Error("E_USAGE") on another word.
c10::Device parse_device(const std::string& name);

// Makes `device` the calling thread's current one; nothing for the CPU. Throws c10::Error where it cannot be used.
void select_device(c10::Device device);

// Waits for everything queued on `device`; nothing for the CPU. Throws c10::Error on what went wrong there meanwhile.
void synchronize(c10::Device device);

// How float32 products are computed on GPUs: rounded to tensor_float32's 10 bits of mantissa or not. Of the whole process,
// since libtorch has no narrower setting (see ops/product_precision.h); nothing for the CPU.
void set_product_precision(c10::Device device, bool tensor_float32);

// Bytes of tensors on the device, of the whole process: now, and most at once since restart_most_used. The CPU's are not told: 0.
struct DeviceMemoryUse {
  int64_t now = 0;
  int64_t most = 0;
};
DeviceMemoryUse device_memory_use(c10::Device device);
void restart_most_used(c10::Device device);

// Bytes of the device's memory that nobody uses; the CPU's are not told: 0.
int64_t free_device_memory(c10::Device device);

// Gives memory that libtorch keeps on devices for later back to them. Where a device has failed nothing is given back, and
// nothing said: the next work there tells. Destructors call it.
void release_kept_device_memory() noexcept;

}  // namespace finepune
