#include "train/running_statistics.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

namespace finepune {

namespace {

// Floats: each statistic begins where an allocation of its own would.
constexpr int64_t alignment = 128;

int64_t aligned(int64_t count) { return (count + alignment - 1) / alignment * alignment; }

}  // namespace

bool is_running_statistic(const Parameter& parameter) {
  return parameter.kind == "running_mean" || parameter.kind == "running_var";
}

RunningStatistics::RunningStatistics(Network& network) {
  const at::NoGradGuard guard;
  int64_t count = 0;
  for (const Parameter& parameter : network.parameters()) {
    if (is_running_statistic(parameter)) count += aligned(parameter.value.numel());
  }
  if (count == 0) return;
  all_ = at::zeros({count}, at::TensorOptions().dtype(at::kFloat).device(network.device()));
  int64_t first = 0;
  for (Parameter& parameter : network.parameters()) {
    if (!is_running_statistic(parameter)) continue;
    // Not a view: autograd would take a change of one for a change of all.
    const at::Tensor place = all_.narrow(0, first, parameter.value.numel()).variable_data();
    first += aligned(parameter.value.numel());
    parameter.value = place.copy_(parameter.value);
  }
}

void RunningStatistics::save() {
  if (all_.defined()) saved_ = all_.clone();
}

void RunningStatistics::save_if(const at::Tensor& proceed) {
  if (!saved_.defined()) return;
  if (proceed.defined()) {
    at::where_out(saved_, proceed, all_, saved_);
  } else {
    saved_.copy_(all_);
  }
}

void RunningStatistics::restore() {
  if (saved_.defined()) all_.copy_(saved_);
  forget();
}

}  // namespace finepune
