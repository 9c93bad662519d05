#include "ops/product_precision.h"

#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "ops/device.h"

namespace finepune {
namespace {

// Who holds the process's setting, and whose turn is next.
class Turns {
 public:
  void take(c10::Device device, bool tensor_float32) {
    std::unique_lock lock(mutex_);
    const uint64_t turn = asked_++;
    changed_.wait(lock, [&] { return turn == begun_ && (holders_ == 0 || tensor_float32 == tensor_float32_); });
    tensor_float32_ = tensor_float32;
    set_product_precision(device, tensor_float32);
    ++holders_;
    ++begun_;
    // The next may want the same.
    changed_.notify_all();
  }

  void give_back() {
    const std::lock_guard lock(mutex_);
    --holders_;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t asked_ = 0, begun_ = 0;
  int64_t holders_ = 0;
  bool tensor_float32_ = false;
};

Turns& turns() {
  static Turns all;
  return all;
}

}  // namespace

ProductPrecision::ProductPrecision(c10::Device device, bool tensor_float32) : holds_(device.is_cuda()) {
  if (holds_) turns().take(device, tensor_float32);
}

ProductPrecision::~ProductPrecision() {
  if (holds_) turns().give_back();
}

}  // namespace finepune
