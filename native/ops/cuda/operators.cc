// From tensors to raw memory and the current stream.
#include "ops/cuda/operators.h"

#include <cmath>
#include <cstring>

#include <ATen/Functions.h>

#include "ops/cuda/crop_kernel.h"
#include "ops/cuda/dropped_kernel.h"
#include "ops/cuda/factored_step_kernel.h"
#include "ops/cuda/histogram_kernel.h"
#include "ops/cuda/mask_kernel.h"
#include "ops/cuda/place.h"
#include "ops/cuda/step_kernel.h"
#include "ops/cuda/tally_kernel.h"

namespace finepune::cuda {

namespace {

StepLayer raw(const LayerStep& layer, int64_t* kept) {
  const auto& [parameter, shadow, momentum, mask] = layer.weight;
  const bool masked = mask.defined();
  float* values = parameter.data_ptr<float>();
  return {.parameter = values,
          .shadow = masked ? shadow.data_ptr<float>() : values,
          .momentum = momentum.data_ptr<float>(),
          .gradient = layer.gradient.defined() ? layer.gradient.const_data_ptr<float>() : nullptr,
          .mask = masked ? mask.data_ptr<uint8_t>() : nullptr,
          .kept = masked ? kept + layer.kept_index : nullptr,
          .count = parameter.numel(),
          .learning_rate = layer.learning_rate,
          .thresholds = layer.refresh.value_or(MaskThresholds{}),
          .refresh = masked && layer.refresh.has_value()};
}

StepFactors raw(const GradientFactors& factors) {
  return {.outputs = factors.outputs.const_data_ptr<float>(),
          .inputs = factors.inputs.const_data_ptr<float>(),
          .images = factors.outputs.size(0),
          .output_count = static_cast<int32_t>(factors.outputs.size(1)),
          .input_count = static_cast<int32_t>(factors.inputs.size(1))};
}

MaskLayer raw(const MaskedLayer& layer, int64_t* kept) {
  return {.parameter = layer.parameter.data_ptr<float>(),
          .shadow = layer.shadow.const_data_ptr<float>(),
          .mask = layer.mask.data_ptr<uint8_t>(),
          .kept = kept,
          .count = layer.parameter.numel(),
          .thresholds = layer.thresholds,
          .use = layer.use};
}

}  // namespace

void step_layers(const std::vector<LayerStep>& layers, const StepOptions& options, const at::Tensor& kept) {
  const Place place(kept);
  const at::Tensor& scale = options.gradient_scale;
  const at::Tensor& proceed = options.proceed;
  const StepShared shared{.momentum = options.momentum,
                          .weight_decay = options.weight_decay,
                          .gradient_scale = scale.defined() ? scale.const_data_ptr<float>() : nullptr,
                          .proceed = proceed.defined() ? proceed.const_data_ptr<bool>() : nullptr,
                          .pruned = options.pruned};
  std::vector<StepLayer> whole;
  whole.reserve(layers.size());
  // Products made here live until their step is queued.
  std::vector<at::Tensor> products;
  for (const LayerStep& layer : layers) {
    StepLayer row = raw(layer, kept.data_ptr<int64_t>());
    if (layer.factors) {
      const StepFactors factors = raw(*layer.factors);
      if (can_step_with(row, factors)) {
        launch_factored_step(row, factors, shared, place.stream());
        continue;
      }
      products.push_back(layer.factors->product());
      row.gradient = products.back().const_data_ptr<float>();
    }
    whole.push_back(row);
  }
  launch_step(whole, shared, place.stream());
}

std::vector<int64_t> write_masks(const std::vector<MaskedLayer>& layers) {
  const Place place(layers[0].parameter);
  const at::Tensor kept =
      at::zeros({static_cast<int64_t>(layers.size())}, layers[0].parameter.options().dtype(at::kLong));
  std::vector<MaskLayer> rows;
  rows.reserve(layers.size());
  for (const MaskedLayer& layer : layers) rows.push_back(raw(layer, kept.data_ptr<int64_t>() + rows.size()));
  launch_masks(rows, place.stream());
  const at::Tensor counts = kept.cpu();
  return {counts.const_data_ptr<int64_t>(), counts.const_data_ptr<int64_t>() + counts.numel()};
}

MagnitudeHistogram magnitude_histogram(const at::Tensor& shadow, const at::Tensor& mask) {
  const Place place(shadow);
  constexpr int64_t bins = MagnitudeHistogram::bins;
  // Of type uint32, which has few of torch's functions; zeros and copies are the same.
  const at::Tensor counts = at::zeros({2 * bins}, shadow.options().dtype(at::kInt));
  launch_histogram(shadow.const_data_ptr<float>(), mask.defined() ? mask.const_data_ptr<uint8_t>() : nullptr,
                   shadow.numel(), reinterpret_cast<uint32_t*>(counts.data_ptr<int32_t>()), place.stream());
  const at::Tensor host = counts.cpu();
  const auto* first = reinterpret_cast<const uint32_t*>(host.const_data_ptr<int32_t>());
  return {.kept = {first + bins, first + 2 * bins}, .pruned = {first, first + bins}};
}

void write_crops(const at::Tensor& images, const std::vector<ImageCrop>& crops, const ChannelMap& map,
                 const at::Tensor& output) {
  const Place place(output);
  const auto bytes = static_cast<int64_t>(crops.size() * sizeof(ImageCrop));
  // Pinned, so that the copy is queued too; libtorch keeps the memory until it is done.
  const at::Tensor staged = at::empty({bytes}, at::TensorOptions().dtype(at::kByte).pinned_memory(true));
  std::memcpy(staged.data_ptr<uint8_t>(), crops.data(), static_cast<size_t>(bytes));
  const at::Tensor table = staged.to(output.device(), /*non_blocking=*/true);
  launch_crops({.images = images.const_data_ptr<uint8_t>(),
                .stored = {images.size(1), images.size(2)},
                .crops = reinterpret_cast<const ImageCrop*>(table.const_data_ptr<uint8_t>()),
                .count = output.size(0),
                .map = map,
                .size = {output.size(2), output.size(3)},
                .output = output.data_ptr<float>()},
               place.stream());
}

at::Tensor drop_values(const at::Tensor& values, const Dropping& dropping, const at::Tensor& seed) {
  const Place place(values);
  const at::Tensor result = at::empty_like(values);
  launch_drop({.element = values.scalar_type() == at::kFloat ? Element::float32 : Element::bfloat16,
               .values = values.const_data_ptr(),
               .result = result.data_ptr(),
               .count = values.numel(),
               .threshold = static_cast<uint64_t>(std::llround(dropping.ratio * 0x1p32)),
               .scale = static_cast<float>(1.0 / (1.0 - dropping.ratio)),
               .seed = seed.const_data_ptr<int64_t>(),
               .label = dropping.label},
              place.stream());
  return result;
}

void tally_step(const at::Tensor& loss, const at::Tensor& logits, const at::Tensor& labels, int64_t index,
                const Tally& tally) {
  const Place place(logits);
  launch_tally({.loss = loss.const_data_ptr<float>(),
                .logits = logits.const_data_ptr<float>(),
                .labels = labels.const_data_ptr<int64_t>(),
                .images = logits.size(0),
                .classes = logits.size(1),
                .loss_out = tally.losses.data_ptr<float>() + index,
                .right_out = tally.rights.data_ptr<int64_t>() + index,
                .proceed = tally.proceed.data_ptr<bool>()},
               place.stream());
}

}  // namespace finepune::cuda
