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

// Makes `device` the calling thread's current one; nothing for the CPU. Throws c10::Error where it cannot be used.
void select_device(c10::Device device);

// Bytes of the device's memory that nobody uses; the CPU's are not told: 0.
int64_t free_device_memory(c10::Device device);

// Gives memory that libtorch keeps on devices for later back to them.
void release_kept_device_memory();

}  // namespace finepune
