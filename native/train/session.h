// One network in training: its parameters, images and random streams, and the bounded slices of work done on them.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "nn/network.h"
#include "ops/preprocessing.h"
#include "ops/product_precision.h"
#include "train/batches.h"
#include "train/device_images.h"
#include "train/image_file.h"
#include "train/options.h"
#include "train/parameter_store.h"
#include "train/step_graph.h"
#include "train/train_totals.h"

namespace finepune {

// All methods but request_stop and clear_stop belong to one thread at a time: that which made the session, since the
// number of threads libtorch uses is that thread's property.
// Methods throw Error with a code of lib/errors.ts on what a caller can do wrong, before any work.
//
// Determinism: with one seed and one number of threads, a slice is a function of the tensors (all roles), thresholds and
// the request. Step s draws from streams (seed, purpose, s) or (seed, purpose, image position) only, so a new session given
// the tensors of another goes on from step s with the same bits.
class Session {
 public:
  // Throws Error("E_DEVICE") where the device is not there, Error("E_SPEC") on a graph Network refuses. A session on a GPU
  // makes it the calling thread's current device.
  explicit Session(SessionOptions options);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Network& network() { return *network_; }
  ParameterStore& store() { return *store_; }
  // Bytes of the parameters.
  int64_t parameter_bytes() const;

  // Returns the number by which SampleList names the file.
  int64_t attach_images(ImageFileDescription description);

  // Throws Error("E_NUMERICS") naming the step at which the loss is not finite; weights and running statistics are those
  // of before that step. On a GPU the host waits for the device once, at the end.
  TrainResult train(const TrainSlice& slice);
  EvaluateResult evaluate(const SampleList& samples, int64_t batch_size);
  // Images taken as training would take step `step`'s and after, centre-cropped.
  void refresh_batch_norm(const SampleList& samples, int64_t batch_size, int64_t batches, int64_t step);

  // Scales the fresh weights among `names` so that their nodes' outputs have variance 1 on one batch of images, in the order
  // of the network (Mishkin, Matas, "All you need is a good init", ICLR 2016, without its orthonormal start). The head keeps its
  // small weights. Where the outputs do not vary, nothing is done.
  void calibrate(const std::vector<std::string>& names, const SampleList& samples, int64_t batch_size);

  // Logits [N, classes], on the CPU, of images there: uint8 [N, H, W, C] (centre-cropped, normalised) or float32 [N, C, H, W].
  at::Tensor forward(const at::Tensor& images);

  struct Gradients {
    double loss = 0;
    at::Tensor logits;
    std::map<std::string, at::Tensor> gradients;
  };
  // Of the mean cross-entropy in train mode without dropout; neither parameters nor running statistics move.
  Gradients gradients(const at::Tensor& input, const std::vector<int32_t>& labels);

  // From any thread: the slice running, or the next one, ends after its current step or batch.
  void request_stop() { stop_ = true; }
  void clear_stop() { stop_ = false; }

 private:
  // What every method that computes holds: sessions of another precision on a GPU, and networks served there, take turns.
  ProductPrecision product_precision() const;
  BatchSettings batch_settings(const SampleList& samples, int64_t batches, int64_t batch_size) const;
  void check_samples(const SampleList& samples, int64_t batch_size) const;
  void check_slice(const TrainSlice& slice) const;
  // Batches of `images`, an attached file's number, where the network computes.
  std::unique_ptr<BatchSource> make_batches(int64_t images, BatchSettings settings, BatchPlan plan);
  // Memory for training's batches of this size, the same from slice to slice: a record of steps reads it. Undefined on the
  // CPU.
  const BatchMemory& training_memory(int64_t batch_size);
  TrainResult run_steps(const TrainSlice& slice);
  // Forward and backward of step number `step`; gradients are left for the store.
  Learned learn(const TrainSlice& slice, int64_t step, const Batch& batch);
  Learned compute_gradients(const TrainSlice& slice, const Batch& batch, const Network::Mode& mode);
  // Of the network's output; nothing waits for the device.
  Learned compute_gradients_on_gpu(const TrainSlice& slice, const Batch& batch, const at::Tensor& output);
  EvaluateResult run_evaluation(const SampleList& samples, int64_t batch_size);
  at::Tensor logits(const at::Tensor& images, const Network::Mode& mode);

  struct AttachedImages {
    std::shared_ptr<const ImageFile> file;
    // Where the network computes; not used on the CPU.
    DeviceImages device;
  };

  SessionOptions options_;
  at::Device device_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<ParameterStore> store_;
  ChannelMap channel_map_;
  std::vector<AttachedImages> images_;
  // On a GPU.
  BatchMemory training_memory_;
  at::Tensor dropout_seed_;
  std::unique_ptr<StepGraph> step_graph_;
  std::atomic<bool> stop_{false};
};

}  // namespace finepune
