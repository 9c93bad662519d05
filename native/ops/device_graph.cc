#include "ops/device_graph.h"

#include "ops/lack_cuda.h"

#ifdef FINEPUNE_WITH_CUDA

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

namespace finepune {

struct DeviceGraph::Recording {
  at::cuda::CUDAGraph graph;
};

DeviceGraph::DeviceGraph(c10::Device device, const std::function<void()>& work)
    : recording_(std::make_unique<Recording>()) {
  // The default stream cannot be recorded.
  const c10::cuda::CUDAStreamGuard guard(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index()));
  at::cuda::CUDAGraph& graph = recording_->graph;
  // Other threads, with networks of their own, may go on meanwhile.
  graph.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
  try {
    work();
  } catch (...) {
    try {
      graph.capture_end();
    } catch (const std::exception&) {
      // What `work` threw says more than that its recording was cut off.
    }
    throw;
  }
  graph.capture_end();
}

DeviceGraph::~DeviceGraph() = default;

void DeviceGraph::replay() { recording_->graph.replay(); }

}  // namespace finepune

#else

namespace finepune {

struct DeviceGraph::Recording {};

DeviceGraph::DeviceGraph(c10::Device, const std::function<void()>&) {
  lack_cuda();
}

DeviceGraph::~DeviceGraph() = default;

void DeviceGraph::replay() {}

}  // namespace finepune

#endif
