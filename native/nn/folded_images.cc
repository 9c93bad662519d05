#include "folded_images.h"

#include <algorithm>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <ATen/ops/constant_pad_nd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "channels_last.h"
#include "ops/folded_pixels.h"
#include "tile_points.h"

namespace finepune {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Where a folded row of pixels finds its values: rows y + [0, stride) and columns from x on, of `height` x `width` pixels
// that lie side by side; what lies outside is zero.
struct Source {
  int64_t height, width, channels, stride;

  // visit(place in the folded pixel, first value, how many) for each run of values of the block at (y, x) that is there.
  template <typename Visit>
  void each_run(int64_t y, int64_t x, const Visit& visit) const {
    const int64_t first = std::max<int64_t>(0, -x), last = std::min(stride, width - x);
    if (first >= last) return;
    for (int64_t row = 0; row < stride; ++row) {
      if (y + row < 0 || y + row >= height) continue;
      visit((row * stride + first) * channels, ((y + row) * width + x + first) * channels, (last - first) * channels);
    }
  }
};

// visit(place among all folded values, first value, how many) for each run of each tap of `outputs` output channels.
template <typename Visit>
void each_run_of_taps(const Folding& folding, int64_t outputs, const Visit& visit) {
  const int64_t taps = folding.taps(), channels = folding.folded_channels();
  const int64_t size = folding.channels * folding.kernel[0] * folding.kernel[1];
  const Source source{folding.kernel[0], folding.kernel[1], folding.channels, folding.stride};
  for (int64_t i = 0; i < outputs * taps * taps; ++i) {
    const int64_t output = i / (taps * taps), y = i / taps % taps, x = i % taps;
    source.each_run(y * folding.stride, x * folding.stride, [&](int64_t place, int64_t from, int64_t count) {
      visit(i * channels + place, output * size + from, count);
    });
  }
}

at::Tensor folded_weight(const at::Tensor& given, const Folding& folding) {
  const at::Tensor weight = channels_last(given);
  const int64_t taps = folding.taps(), outputs = weight.size(0);
  at::Tensor folded = empty_channels_last(outputs, folding.folded_channels(), taps, taps).zero_();
  const float* from = weight.const_data_ptr<float>();
  float* to = folded.mutable_data_ptr<float>();
  each_run_of_taps(folding, outputs, [&](int64_t place, int64_t value, int64_t count) {
    std::copy_n(from + value, count, to + place);
  });
  return folded;
}

at::Tensor unfolded_weight(const at::Tensor& given, const Folding& folding) {
  const at::Tensor folded = channels_last(given);
  const int64_t outputs = folded.size(0);
  at::Tensor weight = empty_channels_last(outputs, folding.channels, folding.kernel[0], folding.kernel[1]);
  const float* from = folded.const_data_ptr<float>();
  float* to = weight.mutable_data_ptr<float>();
  each_run_of_taps(folding, outputs, [&](int64_t place, int64_t value, int64_t count) {
    std::copy_n(from + place, count, to + value);
  });
  return weight;
}

// A GPU's weight through plain operators, which autograd knows: there it is small.
at::Tensor folded_weight_on_device(const at::Tensor& weight, const Folding& folding) {
  const int64_t s = folding.stride, taps = folding.taps(), outputs = weight.size(0), block = s * s * folding.channels;
  const at::Tensor padded =
      at::constant_pad_nd(weight, {0, taps * s - weight.size(3), 0, taps * s - weight.size(2)});
  const at::Tensor pixels = padded.permute({0, 2, 3, 1}).reshape({outputs, taps, s, taps, s, folding.channels});
  const at::Tensor folded = pixels.permute({0, 1, 3, 2, 4, 5}).reshape({outputs, taps, taps, block});
  const int64_t blank = folding.folded_channels() - block;
  return (blank > 0 ? at::constant_pad_nd(folded, {0, blank}) : folded).permute({0, 3, 1, 2});
}

// As the convolution behind it wants them.
at::ScalarType folded_type() {
  return at::autocast::is_autocast_enabled(at::kCUDA) ? at::autocast::get_autocast_dtype(at::kCUDA) : at::kFloat;
}

class FoldWeightFunction : public torch::autograd::Function<FoldWeightFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& weight, const Folding& folding) {
    context->saved_data["folding"] =
        std::vector<int64_t>{folding.stride, folding.channels, folding.kernel[0], folding.kernel[1]};
    return folded_weight(weight, folding);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const std::vector<int64_t> saved = context->saved_data["folding"].toIntVector();
    const Folding folding{saved[0], saved[1], {saved[2], saved[3]}, {}, {}};
    return {unfolded_weight(gradients[0], folding), at::Tensor()};
  }
};

}  // namespace

int64_t Folding::taps() const {
  const int64_t least = (std::max(kernel[0], kernel[1]) + stride - 1) / stride;
  for (const int64_t taps : {3, 5}) {
    if (least <= taps) return taps;
  }
  return 0;
}

int64_t Folding::folded_channels() const {
  const int64_t panel = cpu::kPanelChannels;
  return (channels * stride * stride + panel - 1) / panel * panel;
}

at::Tensor fold_images(const at::Tensor& given, const Folding& folding) {
  const int64_t taps = folding.taps(), channels = folding.folded_channels();
  const int64_t height = folding.output[0] + taps - 1, width = folding.output[1] + taps - 1;
  const at::Tensor images = channels_last(given);
  if (images.is_cuda()) {
    const BlockGrid grid{folding.stride, folding.padding.top, folding.padding.left, {height, width}};
    return fold_pixels(images, grid, channels, folded_type());
  }
  const Source source{images.size(2), images.size(3), folding.channels, folding.stride};
  const int64_t image = source.height * source.width * source.channels;
  at::Tensor folded = empty_channels_last(images.size(0), channels, height, width);
  const float* from = images.const_data_ptr<float>();
  float* to = folded.mutable_data_ptr<float>();
  at::parallel_for(0, images.size(0) * height, 8, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t y = row % height * folding.stride - folding.padding.top;
      float* pixels = to + row * width * channels;
      std::fill_n(pixels, width * channels, 0.0f);
      for (int64_t x = 0; x < width; ++x) {
        source.each_run(y, x * folding.stride - folding.padding.left, [&](int64_t place, int64_t value, int64_t count) {
          std::copy_n(from + row / height * image + value, count, pixels + x * channels + place);
        });
      }
    }
  });
  return folded;
}

at::Tensor fold_weight(const at::Tensor& weight, const Folding& folding) {
  if (weight.is_cuda()) return folded_weight_on_device(weight, folding);
  return FoldWeightFunction::apply(weight, folding);
}

}  // namespace finepune
