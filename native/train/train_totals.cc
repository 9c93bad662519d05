#include "train/train_totals.h"

#include <cmath>

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include "ops/error.h"
#include "train/scores.h"

namespace finepune {

TrainTotals::TrainTotals(at::Device device, int64_t first_step, int64_t steps)
    : on_cpu_(device.is_cpu()), first_step_(first_step) {
  if (on_cpu_) return;
  const auto options = at::TensorOptions().device(device);
  tally_ = {at::zeros({steps}, options.dtype(at::kFloat)), at::zeros({steps}, options.dtype(at::kLong)),
            at::ones({}, options.dtype(at::kBool))};
}

void TrainTotals::add(const at::Tensor& loss, const at::Tensor& logits, const Batch& batch) {
  const at::NoGradGuard guard;
  const int64_t index = steps_++;
  const auto images = static_cast<int64_t>(batch.items.size());
  images_ += images;
  if (on_cpu_) {
    add_loss(loss.item<double>(), index, images);
    right_ += count_right(logits, batch.items);
    return;
  }
  sizes_.push_back(images);
  tally_step(loss, logits.contiguous(), batch.labels, index, tally_);
}

void TrainTotals::finish() {
  if (on_cpu_) return;
  const at::Tensor losses = tally_.losses.cpu();
  const at::Tensor rights = tally_.rights.cpu();
  for (int64_t i = 0; i < steps_; ++i) {
    add_loss(losses.const_data_ptr<float>()[i], i, sizes_[static_cast<size_t>(i)]);
    right_ += rights.const_data_ptr<int64_t>()[i];
  }
}

void TrainTotals::add_loss(double loss, int64_t step, int64_t images) {
  if (!std::isfinite(loss)) {
    throw Error("E_NUMERICS", "the loss is not finite at step " + std::to_string(first_step_ + step) +
                                  "; lower the learning rate, or set clipNorm");
  }
  loss_sum_ += loss * static_cast<double>(images);
}

}  // namespace finepune
