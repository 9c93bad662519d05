#include "train/device_batches.h"

#include <chrono>
#include <cstring>

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "ops/write_crop.h"

namespace finepune {

namespace {

c10::impl::VirtualGuardImpl streams() { return c10::impl::VirtualGuardImpl(c10::DeviceType::CUDA); }

at::TensorOptions pinned(at::ScalarType type) { return at::TensorOptions().dtype(type).pinned_memory(true); }

}  // namespace

DeviceBatches::DeviceBatches(BatchSettings settings, BatchPlan plan, at::Device device, at::Tensor resident)
    : settings_(std::move(settings)),
      plan_(std::move(plan)),
      device_(device),
      resident_(std::move(resident)),
      compute_(streams().getStream(device)),
      copy_(streams().getStreamFromGlobalPool(device)) {
  if (!resident_.defined()) make_slots();
}

void DeviceBatches::make_slots() {
  const ImageFile& file = *settings_.file;
  const std::array<int64_t, 4> shape = {settings_.batch_size, file.height(), file.width(), file.channels()};
  for (Slot& slot : slots_) {
    slot.pinned = at::empty(shape, pinned(at::kByte));
    slot.images = at::empty(shape, at::TensorOptions().dtype(at::kByte).device(device_));
  }
  // Whoever had this memory before may still be computing with it.
  c10::Event allocated(c10::DeviceType::CUDA);
  allocated.record(compute_);
  allocated.block(copy_);
}

const Batch& DeviceBatches::next() {
  const auto begin = std::chrono::steady_clock::now();
  batch_.items.clear();
  plan_(given_, batch_.items);
  if (resident_.defined()) {
    make(resident_, true);
  } else {
    Slot& slot = slots_[static_cast<size_t>(given_ % 2)];
    make(upload(slot), false);
    slot.read.record(compute_);
  }
  ++given_;
  seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return batch_;
}

at::Tensor DeviceBatches::upload(Slot& slot) {
  // The batch before the last had this slot: both its copy and the work that read it must be done. This is also what
  // keeps the host from running more than two batches ahead.
  slot.read.synchronize();
  const auto count = static_cast<int64_t>(batch_.items.size());
  const auto bytes = slot.pinned.stride(0);
  uint8_t* destination = slot.pinned.data_ptr<uint8_t>();
  at::parallel_for(0, count, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const uint8_t* record = settings_.file->record(batch_.items[static_cast<size_t>(i)].record);
      std::memcpy(destination + i * bytes, record, static_cast<size_t>(bytes));
    }
  });
  at::Tensor images = slot.images.narrow(0, 0, count);
  {
    const c10::StreamGuard guard(copy_);
    images.copy_(slot.pinned.narrow(0, 0, count), /*non_blocking=*/true);
    slot.uploaded.record(copy_);
  }
  slot.uploaded.block(compute_);
  return images;
}

void DeviceBatches::make(const at::Tensor& images, bool resident) {
  const auto count = static_cast<int64_t>(batch_.items.size());
  const at::Tensor labels = at::empty({count}, pinned(at::kLong));
  std::vector<ImageCrop> crops;
  for (int64_t i = 0; i < count; ++i) {
    const BatchItem& item = batch_.items[static_cast<size_t>(i)];
    crops.push_back({resident ? static_cast<int64_t>(item.record) : i, item.crop});
    labels.data_ptr<int64_t>()[i] = item.label;
  }
  const BatchMemory memory =
      settings_.memory.images.defined()
          ? settings_.memory
          : empty_batch(device_, settings_.channels.channels, settings_.output, count);
  batch_.images = memory.images.narrow(0, 0, count);
  batch_.labels = memory.labels.narrow(0, 0, count);
  write_crops(images, crops, settings_.channels, batch_.images);
  batch_.labels.copy_(labels, /*non_blocking=*/true);
}

BatchMemory empty_batch(at::Device device, int64_t channels, ImageSize size, int64_t count) {
  const auto options = at::TensorOptions().device(device);
  return {at::empty({count, channels, size.height, size.width},
                    options.dtype(at::kFloat).memory_format(at::MemoryFormat::ChannelsLast)),
          at::empty({count}, options.dtype(at::kLong))};
}

}  // namespace finepune
