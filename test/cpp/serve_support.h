// What the tests of serving compare: a network of random parameters, and the tensors it is served from.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "nn/network.h"
#include "nn_support.h"
#include "serve/program.h"

namespace finepune::test {

struct ServedSubject {
  Network network;
  std::vector<at::Tensor> values;
  serve::Tensors tensors;

  // A share `density` of the prunable parameters is not zero.
  ServedSubject(const Graph& graph, double density) : network(graph, at::kCPU) {
    const c10::NoGradGuard no_grad;
    uint64_t seed = 11;
    for (Parameter& parameter : network.parameters()) {
      at::Tensor made = random_tensor(parameter.value.sizes(), ++seed);
      if (parameter.prunable) made = made * (random_tensor(parameter.value.sizes(), seed + 1000) < 2 * density - 1);
      if (parameter.kind == "running_var") made = made.abs() + 0.5;
      parameter.value.copy_(made);
      values.push_back(made.contiguous());
      tensors[parameter.name] = {values.back().const_data_ptr<float>(), static_cast<size_t>(made.numel())};
    }
  }
};

}  // namespace finepune::test
