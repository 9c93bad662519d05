// Batches of images, whoever makes them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <ATen/core/Tensor.h>

#include "ops/crop_types.h"
#include "train/image_file.h"

namespace finepune {

// What one image of a batch is made of.
struct BatchItem {
  uint32_t record = 0;
  int32_t label = 0;
  Crop crop;
};

// Fills `items` for batch number `batch`. It may be called by several threads, each with its own copy of the function, so
// that it may keep state; what it gives must depend on `batch` alone.
using BatchPlan = std::function<void(int64_t batch, std::vector<BatchItem>& items)>;

struct Batch {
  // [N, C, H, W] float32 in channels_last memory, on the device the batches are made for.
  at::Tensor images;
  // [N] int64, there too.
  at::Tensor labels;
  // Of these, in order.
  std::vector<BatchItem> items;
};

// Memory a GPU's batches lie in: images [N, C, H, W] float32 in channels_last memory and labels [N] int64.
struct BatchMemory {
  at::Tensor images;
  at::Tensor labels;
};

struct BatchSettings {
  std::shared_ptr<const ImageFile> file;
  ChannelMap channels;
  ImageSize output;
  int64_t batches = 0;
  // Largest number of images a batch has.
  int64_t batch_size = 0;
  int threads = 1;
  // Of batch_size images, on a GPU; where it is undefined, every batch has memory of its own.
  BatchMemory memory = {};
};

class BatchSource {
 public:
  BatchSource() = default;
  virtual ~BatchSource() = default;
  BatchSource(const BatchSource&) = delete;
  BatchSource& operator=(const BatchSource&) = delete;

  // The next batch in order; valid until the next call. Not to be called more than `batches` times.
  virtual const Batch& next() = 0;

  // Seconds next() has taken so far beyond handing over what is ready.
  virtual double seconds_waiting() const = 0;
};

}  // namespace finepune
