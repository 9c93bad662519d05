// What to do where memory runs out.
#pragma once

#include <cstdint>
#include <utility>

#include <c10/core/Device.h>
#include <c10/util/Exception.h>

namespace finepune {

// Whether that is what `error` says: libtorch has a class of errors for it on GPUs alone, and there not inside cuBLAS and cuDNN.
bool is_out_of_memory(const c10::Error& error);

// Only where an exception is being handled. Where it says that memory ran out, throws Error("E_OOM") that says what was asked
// for and proposes half of `batch_size`, after all that is kept for later was given back; rethrows any other.
[[noreturn]] void rethrow_with_memory_advice(int64_t batch_size, c10::Device device);

// Runs work(); where memory runs out meanwhile, Error("E_OOM") as above.
template <typename Work>
auto with_memory_advice(int64_t batch_size, c10::Device device, Work&& work) {
  try {
    return std::forward<Work>(work)();
  } catch (...) {
    rethrow_with_memory_advice(batch_size, device);
  }
}

}  // namespace finepune
