#include "ops/cpu/step_kernels.h"

namespace finepune::cpu {

namespace {

inline float magnitude(float value) { return value < 0 ? -value : value; }

}  // namespace

int64_t step_portable(const StepSpan& span, const StepRates& rates, PrunedEntries pruned,
                      const MaskThresholds* refresh) {
  int64_t ones = 0;
  for (int64_t i = 0; i < span.count; ++i) {
    const float kept = span.mask == nullptr || span.mask[i] != 0 ? 1.0f : 0.0f;
    const float weight = span.shadow[i];
    const float gradient = span.gradient[i] * rates.gradient_scale + weight * (rates.weight_decay * kept);
    float momentum = rates.momentum * span.momentum[i] + gradient;
    float updated = weight - rates.learning_rate * momentum;
    if (pruned == PrunedEntries::frozen && kept == 0.0f) {
      momentum = 0.0f;
      updated = weight;
    }
    span.momentum[i] = momentum;
    span.shadow[i] = updated;
    if (span.mask == nullptr) {
      if (span.parameter != span.shadow) span.parameter[i] = updated;
      continue;
    }
    bool keep = kept != 0.0f;
    if (refresh != nullptr) {
      const float size = magnitude(updated);
      // Written so that a NaN, for which both comparisons are false, keeps its mask.
      if (size < refresh->lower) keep = false;
      if (size >= refresh->upper) keep = true;
      span.mask[i] = keep ? 1 : 0;
    }
    span.parameter[i] = keep ? updated : 0.0f;
    ones += keep ? 1 : 0;
  }
  return ones;
}

}  // namespace finepune::cpu
