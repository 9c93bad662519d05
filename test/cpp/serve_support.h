// What the tests of serving compare: a network of random parameters, and the tensors it is served from.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "nn/network.h"
#include "nn_support.h"
#include "serve/program.h"
#include "serve/served_network.h"

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

// The same, served and compared.
struct Checked : ServedSubject {
  using ServedSubject::ServedSubject;

  // The largest difference of the logits of `batch` images, relative to the largest logit.
  double error(serve::ServeOptions options, int64_t batch) {
    const GraphInput& input = network.graph().input;
    const at::Tensor images = random_tensor({batch, input.channels, input.height, input.width}, 5);
    const c10::NoGradGuard no_grad;
    const at::Tensor expected = network.forward(images, {}).to(at::kDouble);
    serve::ServedNetwork served(network.graph(), tensors, options);
    at::Tensor logits = at::full({batch, served.classes()}, std::nan(""), at::kFloat);
    serve::Images batch_images;
    batch_images.count = batch;
    batch_images.floats = images.const_data_ptr<float>();
    served.run(batch_images, logits.mutable_data_ptr<float>());
    const double scale = std::max(expected.abs().max().item<double>(), 1e-30);
    return (logits.to(at::kDouble) - expected).abs().max().item<double>() / scale;
  }
};

}  // namespace finepune::test
