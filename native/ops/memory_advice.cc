#include "ops/memory_advice.h"

#include <new>
#include <string>

#include "ops/device.h"
#include "ops/error.h"
#include "ops/host_allocator.h"

namespace finepune {

namespace {

[[noreturn]] void report_memory(const std::string& message, int64_t batch_size, c10::Device device) {
  std::string advice = "a smaller network";
  if (batch_size > 1) {
    advice = "a batch size of " + std::to_string(batch_size / 2) + " or less";
  } else if (!device.is_cpu()) {
    advice += " or device cpu";
  }
  release_kept_host_memory();
  release_kept_device_memory();
  throw Error("E_OOM", "memory ran out on " + device.str() + " at a batch size of " + std::to_string(batch_size) +
                           (message.empty() ? "" : ": " + message) + "; use " + advice);
}

}  // namespace

bool is_out_of_memory(const c10::Error& error) {
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) return true;
  const std::string message = error.what_without_backtrace();
  for (const char* part : {"not enough memory", "can't allocate memory", "out of memory", "ALLOC_FAILED"}) {
    if (message.find(part) != std::string::npos) return true;
  }
  return false;
}

void rethrow_with_memory_advice(int64_t batch_size, c10::Device device) {
  try {
    throw;
  } catch (const c10::Error& error) {
    if (!is_out_of_memory(error)) throw;
    const std::string message = error.what_without_backtrace();
    report_memory(message.substr(0, message.find('\n')), batch_size, device);
  } catch (const std::bad_alloc&) {
    report_memory("", batch_size, device);
  }
}

}  // namespace finepune
