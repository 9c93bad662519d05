// Batches cropped and normalised on a GPU.
#pragma once

#include <array>

#include <c10/core/Event.h>
#include <c10/core/Stream.h>

#include "train/batches.h"

namespace finepune {

// Everything is queued on the device's current stream, so that batches are made while it computes on those before.
class DeviceBatches final : public BatchSource {
 public:
  // `device`: a CUDA device, the thread's current one. `resident`: the file's images there, uint8 [records, height, width,
  // channels]; where it is undefined, those of each batch are uploaded through pinned memory, on a stream of their own.
  DeviceBatches(BatchSettings settings, BatchPlan plan, at::Device device, at::Tensor resident);

  const Batch& next() override;

  // Seconds the host has spent on batches; the device need not have waited for them.
  double seconds_waiting() const override { return seconds_; }

 private:
  // Memory of one batch's images on both sides; two take turns.
  struct Slot {
    at::Tensor pinned;
    at::Tensor images;
    c10::Event uploaded{c10::DeviceType::CUDA};
    // Recorded behind the last work that reads `images`.
    c10::Event read{c10::DeviceType::CUDA};
  };

  void make_slots();
  // The images of batch_.items, queued to be there.
  at::Tensor upload(Slot& slot);
  void make(const at::Tensor& images, bool resident);

  BatchSettings settings_;
  BatchPlan plan_;
  at::Device device_;
  at::Tensor resident_;
  c10::Stream compute_;
  c10::Stream copy_;
  std::array<Slot, 2> slots_;
  int64_t given_ = 0;
  Batch batch_;
  double seconds_ = 0;
};

// Memory on `device` for a batch of `count` images.
BatchMemory empty_batch(at::Device device, int64_t channels, ImageSize size, int64_t count);

}  // namespace finepune
