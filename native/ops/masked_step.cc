#include "ops/masked_step.h"

#include <atomic>
#include <stdexcept>
#include <string>

#include <ATen/Context.h>
#include <ATen/Parallel.h>

#include "ops/cpu/direct_choice.h"
#include "ops/cpu/step_kernels.h"
#include "ops/factored_step.h"
#include "ops/layout.h"

#ifdef FINEPUNE_WITH_CUDA
#include "ops/cuda/operators.h"
#endif

namespace finepune {

namespace {

// A chunk small enough to share work evenly, large enough that its start costs nothing; a multiple of every vector.
constexpr int64_t grain = 1 << 15;
// Above this many entries a layer's parameter does not stay in the caches until the next forward anyway.
constexpr int64_t stream_from = 1 << 20;
// On a GPU, smaller gradients stay in its caches between their product and the step, and beyond so many images the
// multiplications no longer hide behind the memory of the weight.
constexpr int64_t fewest_factored = 1 << 20;
constexpr int64_t most_factored_images = 512;

cpu::StepKernel best_kernel() {
  int count = 0;
  const cpu::NamedStepKernel* kernels = cpu::step_kernels(&count);
  return kernels[count - 1].kernel;
}

int64_t run(const cpu::StepSpan& whole, const LayerStep& layer, const StepRates& rates, PrunedEntries pruned) {
  static const cpu::StepKernel kernel = best_kernel();
  const MaskThresholds* refresh = layer.refresh && whole.mask != nullptr ? &*layer.refresh : nullptr;
  if (layer.factors) {
    return factored_step(whole, *layer.factors, rates, pruned, refresh, kernel, *cpu::best_direct_kernels().tiles);
  }
  std::atomic<int64_t> ones{0};
  // Chunks, not entries, are shared out, so that every chunk starts on a vector boundary.
  const int64_t chunks = (whole.count + grain - 1) / grain;
  at::parallel_for(0, chunks, 1, [&](int64_t first, int64_t last) {
    const int64_t begin = first * grain;
    const int64_t end = std::min(whole.count, last * grain);
    cpu::StepSpan span = whole;
    span.parameter += begin;
    span.shadow += begin;
    span.momentum += begin;
    span.gradient += begin;
    if (span.mask != nullptr) span.mask += begin;
    span.count = end - begin;
    ones += kernel(span, rates, pruned, refresh);
  });
  return ones;
}

// Whether the parameter is written past the caches.
bool streams(const LayerStep& layer) {
  const at::Tensor& parameter = layer.weight.parameter;
  const bool aligned = reinterpret_cast<uintptr_t>(parameter.const_data_ptr()) % 64 == 0;
  const bool rows_aligned = !layer.factors || parameter.size(1) % 16 == 0;
  return parameter.numel() >= stream_from && aligned && rows_aligned;
}

const float* gradient_of(const LayerStep& layer) {
  return layer.factors ? nullptr : layer.gradient.const_data_ptr<float>();
}

int64_t masked_step(const LayerStep& layer, const StepRates& rates, PrunedEntries pruned) {
  const MaskedWeight& weight = layer.weight;
  const cpu::StepSpan span{weight.parameter.data_ptr<float>(),
                           weight.shadow.data_ptr<float>(),
                           weight.momentum.data_ptr<float>(),
                           gradient_of(layer),
                           weight.mask.data_ptr<uint8_t>(),
                           weight.parameter.numel(),
                           streams(layer)};
  return run(span, layer, rates, pruned);
}

void plain_step(const LayerStep& layer, const StepRates& rates) {
  const MaskedWeight& weight = layer.weight;
  float* values = weight.parameter.data_ptr<float>();
  const cpu::StepSpan span{values,
                           values,
                           weight.momentum.data_ptr<float>(),
                           gradient_of(layer),
                           nullptr,
                           weight.parameter.numel(),
                           false};
  run(span, layer, rates, PrunedEntries::learning);
}

void step_on_cpu(const std::vector<LayerStep>& layers, const StepOptions& options, const at::Tensor& kept) {
  if (options.proceed.defined() && !options.proceed.item<bool>()) return;
  const float scale = options.gradient_scale.defined() ? options.gradient_scale.item<float>() : 1.0f;
  int64_t* counts = kept.data_ptr<int64_t>();
  for (const LayerStep& layer : layers) {
    if (layer.weight.parameter.numel() == 0) continue;
    const StepRates rates{layer.learning_rate, options.momentum, options.weight_decay, scale};
    if (layer.weight.mask.defined()) {
      counts[layer.kept_index] = masked_step(layer, rates, options.pruned);
    } else {
      plain_step(layer, rates);
    }
  }
}

void check_value(const at::Tensor& value, at::ScalarType type, at::Device device, const char* role) {
  if (!value.defined()) return;
  if (value.numel() != 1 || value.scalar_type() != type || value.device() != device) {
    throw std::invalid_argument(std::string(role) + " is not one value of the right dtype on the layers' device");
  }
}

void check_gradient(const LayerStep& layer) {
  const at::Tensor& parameter = layer.weight.parameter;
  if (!layer.factors) return check_same_layout(parameter, layer.gradient, at::kFloat, "gradient");
  const at::Tensor &outputs = layer.factors->outputs, &inputs = layer.factors->inputs;
  for (const at::Tensor& factor : {outputs, inputs}) {
    if (!factor.defined() || factor.dim() != 2 || factor.scalar_type() != at::kFloat ||
        !factor.is_contiguous() || factor.device() != parameter.device()) {
      throw std::invalid_argument("a factor of the gradient has the wrong dtype, shape, layout or device");
    }
  }
  const bool fits = parameter.dim() == 2 && parameter.is_contiguous() &&
                    outputs.size(1) == parameter.size(0) && inputs.size(1) == parameter.size(1) &&
                    outputs.size(0) == inputs.size(0);
  if (!fits) throw std::invalid_argument("the factors of the gradient do not fit the parameter");
}

void check(const std::vector<LayerStep>& layers, const StepOptions& options, const at::Tensor& kept) {
  const at::Device device = kept.device();
  if (kept.scalar_type() != at::kLong || !kept.is_contiguous()) {
    throw std::invalid_argument("kept has the wrong dtype or layout");
  }
  check_value(options.gradient_scale, at::kFloat, device, "gradient scale");
  check_value(options.proceed, at::kBool, device, "proceed");
  for (const LayerStep& layer : layers) {
    const auto& [parameter, shadow, momentum, mask] = layer.weight;
    check_same_layout(parameter, momentum, at::kFloat, "momentum");
    check_gradient(layer);
    if (parameter.device() != device) throw std::invalid_argument("kept lies on another device than the parameter");
    if (!mask.defined()) continue;
    check_same_layout(parameter, shadow, at::kFloat, "shadow");
    check_same_layout(parameter, mask, at::kByte, "mask");
    if (layer.kept_index < 0 || layer.kept_index >= kept.numel()) {
      throw std::invalid_argument("kept has no entry for a layer");
    }
  }
}

}  // namespace

void step_layers(const std::vector<LayerStep>& layers, const StepOptions& options, const at::Tensor& kept) {
  check(layers, options, kept);
#ifdef FINEPUNE_WITH_CUDA
  if (kept.is_cuda()) return cuda::step_layers(layers, options, kept);
#endif
  step_on_cpu(layers, options, kept);
}

bool takes_factors(const at::Tensor& weight, int64_t images, at::ScalarType type) {
  if (weight.dim() != 2) return false;
  if (weight.is_cpu()) return true;
  const bool exact = type == at::kBFloat16 || at::globalContext().allowTF32CuBLAS();
  const bool in_vectors = weight.size(0) % 4 == 0 && weight.size(1) % 4 == 0;
  return exact && in_vectors && weight.numel() >= fewest_factored && images <= most_factored_images;
}

}  // namespace finepune
