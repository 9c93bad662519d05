// What to do where a device's memory runs out.
#pragma once

#include <cstdint>
#include <utility>

#include <c10/core/Device.h>
#include <c10/util/Exception.h>

namespace finepune {

// Throws Error("E_OOM") that says what was asked for and proposes half of `batch_size`, after what libtorch keeps on the
// devices was given back to them.
[[noreturn]] void report_memory(const c10::OutOfMemoryError& error, int64_t batch_size, c10::Device device);

// Runs work(); where the memory of a device runs out meanwhile, report_memory.
template <typename Work>
auto with_memory_advice(int64_t batch_size, c10::Device device, Work&& work) {
  try {
    return std::forward<Work>(work)();
  } catch (const c10::OutOfMemoryError& error) {
    report_memory(error, batch_size, device);
  }
}

}  // namespace finepune
