#include "initialize.h"

#include <cmath>
#include <numbers>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>

#include "ops/counter_random.h"

namespace finepune {
namespace {

constexpr int64_t kGrain = 1 << 14;

// Standard normal numbers in the order of the indices, pairs by Box and Muller's method.
void fill_normal(at::Tensor& tensor, double deviation, uint64_t stream) {
  float* values = tensor.mutable_data_ptr<float>();
  const int64_t count = tensor.numel();
  at::parallel_for(0, (count + 1) / 2, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t pair = begin; pair < end; ++pair) {
      const uint64_t index = 2 * static_cast<uint64_t>(pair);
      const double radius = deviation * std::sqrt(-2.0 * std::log(uniform_open(random_bits(stream, index))));
      const double angle = 2.0 * std::numbers::pi * uniform_open(random_bits(stream, index + 1));
      values[2 * pair] = static_cast<float>(radius * std::cos(angle));
      if (2 * pair + 1 < count) values[2 * pair + 1] = static_cast<float>(radius * std::sin(angle));
    }
  });
}

}  // namespace

void initialize_parameter(Parameter& parameter, bool head, uint64_t seed) {
  const c10::NoGradGuard no_gradient;
  at::Tensor& value = parameter.value;
  if (parameter.kind == "weight") {
    const int64_t fan_in = value.numel() / value.size(0);
    const double deviation = head ? 0.01 : std::sqrt(2.0 / static_cast<double>(fan_in));
    at::Tensor fresh = at::empty(value.sizes(), at::TensorOptions().dtype(at::kFloat));
    fill_normal(fresh, deviation, derive_stream(seed, hash_name(parameter.name)));
    value.copy_(fresh);
  } else {
    value.fill_(parameter.kind == "scale" || parameter.kind == "running_var" ? 1.0 : 0.0);
  }
}

void initialize_parameters(Network& network, const std::vector<std::string>& names, uint64_t seed) {
  std::vector<Parameter*> parameters;
  for (const std::string& name : names) parameters.push_back(&network.parameter(name));
  for (Parameter* parameter : parameters)
    initialize_parameter(*parameter, parameter->node == network.graph().head, seed);
}

}  // namespace finepune
