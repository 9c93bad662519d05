#include "ops/recorded_event.h"

#include "ops/lack_cuda.h"

#ifdef FINEPUNE_WITH_CUDA

#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

namespace finepune {

struct RecordedEvent::Event {
  Event() { C10_CUDA_CHECK(cudaEventCreateWithFlags(&event, cudaEventDisableTiming)); }
  ~Event() { C10_CUDA_IGNORE_ERROR(cudaEventDestroy(event)); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  cudaEvent_t event{};
};

RecordedEvent::RecordedEvent() : event_(std::make_unique<Event>()) {}

RecordedEvent::~RecordedEvent() = default;

void RecordedEvent::mark(c10::Stream stream) {
  // External: a node of the graph that every replay passes, instead of an edge within the graph.
  C10_CUDA_CHECK(cudaEventRecordWithFlags(event_->event, c10::cuda::CUDAStream(stream), cudaEventRecordExternal));
}

void RecordedEvent::block(c10::Stream stream) const {
  C10_CUDA_CHECK(cudaStreamWaitEvent(c10::cuda::CUDAStream(stream), event_->event, 0));
}

}  // namespace finepune

#else

namespace finepune {

struct RecordedEvent::Event {};

RecordedEvent::RecordedEvent() { lack_cuda(); }

RecordedEvent::~RecordedEvent() = default;

void RecordedEvent::mark(c10::Stream) {}

void RecordedEvent::block(c10::Stream) const {}

}  // namespace finepune

#endif
