#include "ops/masked_step.h"

#include <atomic>
#include <stdexcept>

#include <ATen/Parallel.h>

#include "ops/cpu/step_kernels.h"
#include "ops/layout.h"

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

}  // namespace

int64_t masked_step(const MaskedWeight& weight, const at::Tensor& gradient, const StepRates& rates,
                    PrunedEntries pruned, const std::optional<MaskThresholds>& refresh) {
  check_same_layout(weight.parameter, weight.shadow, at::kFloat, "shadow");
  check_same_layout(weight.parameter, weight.momentum, at::kFloat, "momentum");
  check_same_layout(weight.parameter, gradient, at::kFloat, "gradient");
  check_same_layout(weight.parameter, weight.mask, at::kByte, "mask");
  const int64_t count = weight.parameter.numel();
  if (count == 0) return 0;
  float* parameter = weight.parameter.data_ptr<float>();
  const cpu::StepSpan span{parameter,
                           weight.shadow.data_ptr<float>(),
                           weight.momentum.data_ptr<float>(),
                           gradient.const_data_ptr<float>(),
                           weight.mask.data_ptr<uint8_t>(),
                           count,
                           count >= stream_from && aligned(parameter)};
  return run(span, rates, pruned, refresh ? &*refresh : nullptr);
}

void plain_step(const at::Tensor& parameter, const at::Tensor& momentum, const at::Tensor& gradient,
                const StepRates& rates) {
  check_same_layout(parameter, momentum, at::kFloat, "momentum");
  check_same_layout(parameter, gradient, at::kFloat, "gradient");
  if (parameter.numel() == 0) return;
  float* values = parameter.data_ptr<float>();
  const cpu::StepSpan span{values,  values, momentum.data_ptr<float>(), gradient.const_data_ptr<float>(),
                           nullptr, parameter.numel(), false};
  run(span, rates, PrunedEntries::learning, nullptr);
}

}  // namespace finepune
