// Work on a GPU, recorded once and then queued again and again as a whole: the host spends on it what it would spend on
// a single kernel.
#pragma once

#include <functional>
#include <memory>

#include <c10/core/Device.h>

namespace finepune {

// What is recorded reads and writes the memory it had then, so that its inputs must stay where they are; the graph keeps
// what it allocates.
class DeviceGraph {
 public:
  // Records what `work` queues on the current stream of `device`, a CUDA device; none of it is done yet. `work` may use
  // autograd, must not wait for the device, and must have run before on the same thread, so that libraries are ready.
  // Rethrows what it throws, and throws c10::Error where it queues what cannot be recorded.
  DeviceGraph(c10::Device device, const std::function<void()>& work);
  ~DeviceGraph();
  DeviceGraph(const DeviceGraph&) = delete;
  DeviceGraph& operator=(const DeviceGraph&) = delete;

  // Queues the work on the current stream.
  void replay();

 private:
  struct Recording;
  std::unique_ptr<Recording> recording_;
};

}  // namespace finepune
