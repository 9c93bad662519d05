#include "ops/masked_step.h"

#include <atomic>
#include <stdexcept>
#include <string>

#include <ATen/Parallel.h>

#include "ops/cpu/step_kernels.h"
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

cpu::StepKernel best_kernel() {
  int count = 0;
  const cpu::NamedStepKernel* kernels = cpu::step_kernels(&count);
  return kernels[count - 1].kernel;
}

int64_t run(const cpu::StepSpan& whole, const StepRates& rates, PrunedEntries pruned, const MaskThresholds* refresh) {
  static const cpu::StepKernel kernel = best_kernel();
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

bool aligned(const void* address) { return reinterpret_cast<uintptr_t>(address) % 64 == 0; }

int64_t masked_step(const LayerStep& layer, const StepRates& rates, PrunedEntries pruned) {
  const MaskedWeight& weight = layer.weight;
  float* parameter = weight.parameter.data_ptr<float>();
  const int64_t count = weight.parameter.numel();
  const cpu::StepSpan span{parameter,
                           weight.shadow.data_ptr<float>(),
                           weight.momentum.data_ptr<float>(),
                           layer.gradient.const_data_ptr<float>(),
                           weight.mask.data_ptr<uint8_t>(),
                           count,
                           count >= stream_from && aligned(parameter)};
  return run(span, rates, pruned, layer.refresh ? &*layer.refresh : nullptr);
}

void plain_step(const LayerStep& layer, const StepRates& rates) {
  const MaskedWeight& weight = layer.weight;
  float* values = weight.parameter.data_ptr<float>();
  const cpu::StepSpan span{values,
                           values,
                           weight.momentum.data_ptr<float>(),
                           layer.gradient.const_data_ptr<float>(),
                           nullptr,
                           weight.parameter.numel(),
                           false};
  run(span, rates, PrunedEntries::learning, nullptr);
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
    check_same_layout(parameter, layer.gradient, at::kFloat, "gradient");
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

}  // namespace finepune
