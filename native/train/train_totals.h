// What a slice of training reports, summed up where the network computes.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "ops/tally.h"
#include "train/batches.h"

namespace finepune {

// On the CPU every step's loss is looked at before it is learned from. On a GPU nothing waits for it: a loss that is not
// finite takes proceed() to false, which keeps this and all later steps from changing a weight, and finish() tells.
class TrainTotals {
 public:
  // Of `steps` steps, the first of which has number `first_step`; `device`: the network's.
  TrainTotals(at::Device device, int64_t first_step, int64_t steps);

  // Takes the next step's results: the mean loss over the batch (a value) and the logits [N, classes], both float32.
  // Throws Error("E_NUMERICS") where the loss is known not to be finite.
  void add(const at::Tensor& loss, const at::Tensor& logits, const Batch& batch);

  // For StepOptions: bool on a GPU, undefined on the CPU.
  const at::Tensor& proceed() const { return tally_.proceed; }

  // Waits for all steps added. Throws Error("E_NUMERICS") naming the first whose loss is not finite.
  void finish();

  // Steps and images added; once finished, the sum of the losses over images, and how many were right.
  int64_t steps() const { return steps_; }
  int64_t images() const { return images_; }
  double loss_sum() const { return loss_sum_; }
  int64_t right() const { return right_; }

 private:
  void add_loss(double loss, int64_t step, int64_t images);

  bool on_cpu_;
  int64_t first_step_;
  int64_t steps_ = 0;
  int64_t images_ = 0;
  double loss_sum_ = 0;
  int64_t right_ = 0;
  // On a GPU, and the images a step on the host.
  Tally tally_;
  std::vector<int64_t> sizes_;
};

}  // namespace finepune
