// From losses and gradients to raw memory and the current stream.
#include <ATen/Context.h>
#include <ATen/Functions.h>

#include "ops/cuda/alignment.h"
#include "ops/cuda/cross_entropy_kernel.h"
#include "ops/cuda/operators.h"
#include "ops/cuda/place.h"
#include "ops/cuda/row_sums_kernel.h"
#include "ops/cuda/tap_gradient_kernel.h"

namespace finepune::cuda {

namespace {

TapGradients tap_gradients(const at::Tensor& images, int64_t outputs, const Taps& taps) {
  const auto narrow = [](int64_t size) { return static_cast<int32_t>(size); };
  const auto& [rows, columns] = taps.padding;
  return {.images = images.const_data_ptr<float>(),
          .gradients = nullptr,
          .count = images.size(0),
          .image_height = narrow(images.size(2)),
          .image_width = narrow(images.size(3)),
          .height = narrow(images.size(2) + 2 * rows - taps.side + 1),
          .width = narrow(images.size(3) + 2 * columns - taps.side + 1),
          .top = narrow(rows),
          .left = narrow(columns),
          .channels = narrow(images.size(1)),
          .outputs = narrow(outputs),
          .side = narrow(taps.side)};
}

// As the kernel reads them. A part of another tensor may begin anywhere.
bool begins_on_vector(const at::Tensor& values) { return is_aligned(values.const_data_ptr(), 16); }

}  // namespace

ScoredLogits cross_entropy(const at::Tensor& logits, const at::Tensor& labels, double label_smoothing) {
  const Place place(logits);
  const at::Tensor losses = at::empty({logits.size(0), 1}, logits.options());
  const at::Tensor gradient = at::empty_like(logits);
  launch_cross_entropy({.logits = logits.const_data_ptr<float>(),
                        .labels = labels.const_data_ptr<int64_t>(),
                        .images = logits.size(0),
                        .classes = logits.size(1),
                        .label_smoothing = static_cast<float>(label_smoothing),
                        .losses = losses.data_ptr<float>(),
                        .gradient = gradient.data_ptr<float>()},
                       place.stream());
  return {row_sums(losses).view({}), gradient};
}

at::Tensor row_sums(const at::Tensor& given) {
  const Place place(given);
  const at::Tensor rows = given.contiguous();
  at::Tensor sums = at::empty({rows.size(1)}, rows.options().dtype(at::kFloat));
  launch_row_sums({.element = rows.scalar_type() == at::kFloat ? Element::float32 : Element::bfloat16,
                   .rows = rows.const_data_ptr(),
                   .count = rows.size(0),
                   .columns = rows.size(1)},
                  sums.data_ptr<float>(), place.stream());
  return sums;
}

bool has_tap_gradient(const at::Tensor& images, int64_t outputs, const Taps& taps) {
  const bool plain = images.is_cuda() && images.scalar_type() == at::kFloat && images.dim() == 4 &&
                     images.is_contiguous(at::MemoryFormat::ChannelsLast) && begins_on_vector(images);
  if (!plain || !at::globalContext().allowTF32CuDNN()) return false;
  const Place place(images);
  return plan_tap_gradients(tap_gradients(images, outputs, taps)).splits > 0;
}

at::Tensor tap_gradient(const at::Tensor& images, const at::Tensor& given, const Taps& taps) {
  const Place place(images);
  at::Tensor gradient = given.contiguous(at::MemoryFormat::ChannelsLast);
  if (!begins_on_vector(gradient)) gradient = gradient.clone(at::MemoryFormat::ChannelsLast);
  TapGradients job = tap_gradients(images, gradient.size(1), taps);
  job.gradients = gradient.const_data_ptr<float>();
  const TapPlan plan = plan_tap_gradients(job);
  at::Tensor weight = at::empty({gradient.size(1), images.size(1), taps.side, taps.side},
                                images.options().memory_format(at::MemoryFormat::ChannelsLast));
  at::Tensor scratch;
  if (plan.splits > 1) {
    scratch = at::empty({plan.splits, weight.numel()}, images.options().memory_format(at::MemoryFormat::Contiguous));
  }
  launch_tap_gradients(job, plan, scratch.defined() ? scratch.data_ptr<float>() : nullptr, weight.data_ptr<float>(),
                       place.stream());
  return weight;
}

}  // namespace finepune::cuda
