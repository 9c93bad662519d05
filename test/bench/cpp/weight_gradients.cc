// The gradients by AlexNet's weights on a GPU in tensor_float32, batch 128, ours beside the library's, in turn, medians:
// those of convolutions by ops/tap_gradient.h and by cuDNN; those of large linear layers with the step that takes them, in
// factors and made before.
//
//     weight_gradients [cuda:N]
#include <cstdio>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include "ops/device.h"
#include "ops/masked_step.h"
#include "ops/tap_gradient.h"
#include "timing.h"

namespace {

using namespace finepune;
using bench::median;
using bench::seconds_of;

constexpr int64_t kImages = 128;
constexpr int kRounds = 7, kRepeats = 20;

struct Row {
  std::string name;
  double products;
  std::vector<double> library, ours;
};

template <typename Library, typename Ours>
void measure(Row row, const at::Tensor& last, const Library& library, const Ours& ours) {
  for (int round = 0; round <= kRounds; ++round) {
    const double theirs = seconds_of(library, last, kRepeats), mine = seconds_of(ours, last, kRepeats);
    // The first round warms up.
    if (round == 0) continue;
    row.library.push_back(theirs);
    row.ours.push_back(mine);
  }
  const double theirs = median(row.library), mine = median(row.ours);
  std::printf("%-28s library %6.0f us (%4.0f TFLOP/s), ours %6.0f us (%4.0f TFLOP/s), library over ours %.2f\n",
              row.name.c_str(), theirs * 1e6, 2e-12 * row.products / theirs, mine * 1e6, 2e-12 * row.products / mine,
              theirs / mine);
}

struct Convolution {
  const char* name;
  int64_t channels, size, outputs;
  Taps taps;
};

// The first one folded.
constexpr Convolution kConvolutions[] = {{"conv1, folded", 48, 57, 64, {3, {0, 0}}},
                                         {"conv2", 64, 27, 192, {5, {2, 2}}},
                                         {"conv3", 192, 13, 384, {3, {1, 1}}},
                                         {"conv4", 384, 13, 256, {3, {1, 1}}},
                                         {"conv5", 256, 13, 256, {3, {1, 1}}}};

void measure_convolution(const Convolution& c, at::TensorOptions options) {
  const auto pixels = options.memory_format(at::MemoryFormat::ChannelsLast);
  const int64_t side = c.size + 2 * c.taps.padding[0] - c.taps.side + 1;
  const at::Tensor images = at::empty({kImages, c.channels, c.size, c.size}, pixels).uniform_(-1, 1);
  const at::Tensor gradient = at::empty({kImages, c.outputs, side, side}, pixels).uniform_(-1, 1);
  const at::Tensor weight = at::empty({c.outputs, c.channels, c.taps.side, c.taps.side}, pixels).uniform_(-1, 1);
  if (!has_tap_gradient(images, c.outputs, c.taps)) {
    std::printf("%-28s no kernel of ours on this device\n", c.name);
    return;
  }
  const auto library = [&] {
    return std::get<1>(at::convolution_backward(gradient, images, weight, std::nullopt, {1, 1}, c.taps.padding, {1, 1},
                                                false, {0, 0}, 1, {false, true, false}));
  };
  const auto ours = [&] { return tap_gradient(images, gradient, c.taps); };
  const at::Tensor expected = library();
  const double error = ((ours() - expected).norm() / expected.norm()).item<double>();
  if (!(error < 1e-2)) {
    std::printf("%-28s FAILED: ours is off by %.3g of the library's\n", c.name, error);
    return;
  }
  const double products = static_cast<double>(gradient.numel()) * static_cast<double>(weight.numel() / c.outputs);
  measure({c.name, products, {}, {}}, gradient, library, ours);
}

void measure_linear(const char* name, int64_t outputs, int64_t inputs, at::TensorOptions options) {
  LayerStep layer;
  layer.weight.shadow = at::empty({outputs, inputs}, options).uniform_(-1, 1);
  layer.weight.parameter = layer.weight.shadow.clone();
  layer.weight.momentum = at::zeros_like(layer.weight.shadow);
  layer.weight.mask = at::ones_like(layer.weight.shadow, options.dtype(at::kByte));
  layer.refresh = MaskThresholds{0.1f, 0.2f};
  layer.learning_rate = 1e-6f;
  const at::Tensor kept = at::full({1}, outputs * inputs, options.dtype(at::kLong));
  const auto factors = c10::make_intrusive<GradientFactors>();
  factors->add(at::empty({kImages, outputs}, options).uniform_(-1, 1), at::empty({kImages, inputs}, options).uniform_(-1, 1));
  LayerStep whole = layer, factored = layer;
  factored.factors = factors;
  const auto library = [&] {
    whole.gradient = factors->product();
    step_layers({whole}, {}, kept);
  };
  const auto ours = [&] { step_layers({factored}, {}, kept); };
  measure({name, static_cast<double>(kImages * outputs * inputs), {}, {}}, kept, library, ours);
}

}  // namespace

int main(int count, char** arguments) {
  const c10::Device device(count > 1 ? arguments[1] : "cuda:0");
  if (!device.is_cuda() || cuda_device_names().empty()) {
    std::puts("no CUDA device is visible");
    return 1;
  }
  select_device(device);
  set_product_precision(device, /*tensor_float32=*/true);
  const auto options = at::TensorOptions().dtype(at::kFloat).device(device);
  for (const Convolution& convolution : kConvolutions) measure_convolution(convolution, options);
  measure_linear("fc6, product and step", 4096, 9216, options);
  measure_linear("fc7, product and step", 4096, 4096, options);
  return 0;
}
