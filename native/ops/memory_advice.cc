#include "ops/memory_advice.h"

#include <string>

#include "ops/device.h"
#include "ops/error.h"

namespace finepune {

void report_memory(const c10::OutOfMemoryError& error, int64_t batch_size, c10::Device device) {
  const std::string message = error.what_without_backtrace();
  const std::string advice = batch_size > 1 ? "a batch size of " + std::to_string(batch_size / 2) + " or less"
                                            : "a smaller network or device cpu";
  release_kept_device_memory();
  throw Error("E_OOM", "memory ran out on " + device.str() + " at a batch size of " + std::to_string(batch_size) + ": " +
                           message.substr(0, message.find('\n')) + "; use " + advice);
}

}  // namespace finepune
