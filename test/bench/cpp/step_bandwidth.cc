// How near the masked step comes to the device's memory: bytes a second of a step over AlexNet's weights, masks refreshed,
// beside those of a copy, in turn, medians.
//
//     step_bandwidth [cpu|cuda:N]
#include <cstdio>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include "ops/device.h"
#include "ops/masked_step.h"
#include "timing.h"

namespace {

using finepune::LayerStep;
using finepune::bench::median;
using finepune::bench::seconds_of;

// Weights and biases of AlexNet with 21 classes, in numbers.
constexpr int64_t weights[] = {23232, 307200, 663552, 884736, 589824, 37748736, 16777216, 86016};
constexpr int64_t biases[] = {64, 192, 384, 256, 256, 4096, 4096, 21};
constexpr int rounds = 15, repeats = 20;
// Gradient, W and m read, W, m and W o T written, four bytes each; T read and written.
constexpr int64_t bytes_masked = 6 * 4 + 2;
constexpr int64_t bytes_plain = 5 * 4;

std::vector<LayerStep> make_layers(at::TensorOptions options) {
  std::vector<LayerStep> layers;
  for (const int64_t count : weights) {
    LayerStep layer;
    layer.weight.shadow = at::randn({count}, options);
    layer.weight.mask = at::ones({count}, options.dtype(at::kByte));
    layer.weight.parameter = layer.weight.shadow.clone();
    layer.refresh = finepune::MaskThresholds{0.9f, 1.1f};
    layer.kept_index = static_cast<int64_t>(layers.size());
    layers.push_back(layer);
  }
  for (const int64_t count : biases) {
    LayerStep layer;
    layer.weight.parameter = at::randn({count}, options);
    layers.push_back(layer);
  }
  for (LayerStep& layer : layers) {
    layer.weight.momentum = at::zeros_like(layer.weight.parameter);
    layer.gradient = at::randn_like(layer.weight.parameter);
    layer.learning_rate = 1e-3f;
  }
  return layers;
}

}  // namespace

int main(int count, char** arguments) {
  const c10::Device device(count > 1 ? arguments[1] : "cuda:0");
  if (device.is_cuda() && finepune::cuda_device_names().empty()) {
    std::puts("no CUDA device is visible");
    return 1;
  }
  finepune::select_device(device);
  const auto options = at::TensorOptions().dtype(at::kFloat).device(device);
  const std::vector<LayerStep> layers = make_layers(options);
  const at::Tensor kept = at::tensor(at::ArrayRef<int64_t>(weights)).to(device);
  finepune::StepOptions step;
  step.momentum = 0.9f;
  step.weight_decay = 5e-4f;
  const at::Tensor source = at::ones({int64_t{1} << 28}, options), target = at::zeros_like(source);
  int64_t bytes = 0;
  for (const int64_t entries : weights) bytes += entries * bytes_masked;
  for (const int64_t entries : biases) bytes += entries * bytes_plain;

  std::vector<double> steps, copies, ratios;
  for (int round = 0; round <= rounds; ++round) {
    const double stepping = static_cast<double>(bytes) / seconds_of([&] { step_layers(layers, step, kept); }, kept, repeats);
    const double copying = 2 * static_cast<double>(source.nbytes()) / seconds_of([&] { target.copy_(source); }, target, repeats);
    // The first round warms up.
    if (round == 0) continue;
    steps.push_back(stepping);
    copies.push_back(copying);
    ratios.push_back(stepping / copying);
  }
  std::printf("masked step %.0f GB/s, copy %.0f GB/s, step over copy %.3f\n", median(steps) / 1e9, median(copies) / 1e9,
              median(ratios));
  return 0;
}
