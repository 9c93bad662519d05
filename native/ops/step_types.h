// Plain types of the masked step, shared with the CPU kernels; no libtorch here.
#pragma once

#include <cstdint>

namespace finepune {

struct StepRates {
  float learning_rate = 0;
  float momentum = 0;
  float weight_decay = 0;
  // Factor on the gradient before weight decay: below 1 where the gradient norm was clipped.
  float gradient_scale = 1;
};

// a and b of the hysteresis, 0 <= a <= b.
struct MaskThresholds {
  float lower = 0;
  float upper = 0;
};

// What happens to W and m where T is 0: `learning` gives them the gradient, `frozen` leaves W and clears m.
enum class PrunedEntries { learning, frozen };

// Which mask W is multiplied by: T refreshed first; h(W) without a change of T; T as it stands.
enum class MaskUse { refresh, candidate, stored };

}  // namespace finepune
