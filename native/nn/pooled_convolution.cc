#include "pooled_convolution.h"

#include <algorithm>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include "channels_last.h"
#include "ops/cpu/direct_choice.h"
#include "ops/placed_pool.h"
#include "patches.h"
#include "saved_grid.h"
#include "wanted_gradients.h"

namespace finepune {
namespace {

using cpu::kPanelChannels;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Larger patches are libtorch's: their products are what takes time, and it multiplies as fast.
constexpr int64_t kMostPatchPanels = 4;
// Floats of a band's patches: with its sums, and the rows they are pooled to, a core's own cache holds them.
constexpr int64_t kPatchFloats = 1 << 16;
constexpr int64_t kFewestRows = 4;

at::Tensor scratch(int64_t floats) { return at::empty({floats}, at::TensorOptions().dtype(at::kFloat)); }

// What forward and backward share: the layer's sizes and its bands of rows.
struct Layer {
  Layer(const at::Tensor& images, int64_t output_channels, const PatchLayout& patch_layout, const PoolGrid& pool_grid)
      : layout(patch_layout),
        grid(pool_grid),
        count(images.size(0)),
        panels(output_channels / kPanelChannels),
        outputs(output_channels),
        image(images.size(1) * images.size(2) * images.size(3)),
        pooled(int64_t{grid.output_height} * grid.output_width * output_channels),
        band_rows(std::max(kFewestRows, kPatchFloats / (layout.panels() * kPanelChannels * grid.width))) {}

  const PatchLayout& layout;
  const PoolGrid& grid;
  // Images, panels of output channels, output channels, floats of an image and of its pooled values.
  int64_t count, panels, outputs, image, pooled;
  // Rows of the convolution's output that are computed together.
  int64_t band_rows;

  int64_t pixels(int64_t rows) const { return rows * grid.width; }
  int64_t patch_floats(int64_t rows) const { return layout.panels() * pixels(rows) * kPanelChannels; }
};

// [panels of outputs][values of a patch, whole panels][16].
at::Tensor packed_weights(const at::Tensor& weight, const std::optional<at::Tensor>& bias, const Layer& layer) {
  const int64_t values = layer.layout.values(), rows = layer.layout.panels() * kPanelChannels;
  at::Tensor packed = at::zeros({layer.panels, rows, kPanelChannels}, at::TensorOptions().dtype(at::kFloat));
  const float* from = weight.const_data_ptr<float>();
  const float* biases = bias ? bias->const_data_ptr<float>() : nullptr;
  float* to = packed.mutable_data_ptr<float>();
  for (int64_t output = 0; output < layer.outputs; ++output) {
    float* column = to + output / kPanelChannels * rows * kPanelChannels + output % kPanelChannels;
    for (int64_t i = 0; i < values; ++i) column[i * kPanelChannels] = from[output * values + i];
    if (biases != nullptr) column[values * kPanelChannels] = biases[output];
  }
  return packed;
}

PooledSums pooled_products(const at::Tensor& images, const at::Tensor& weights, const Layer& layer,
                           const cpu::DirectKernels& kernels) {
  const PoolGrid& grid = layer.grid;
  const auto options = images.options().memory_format(at::MemoryFormat::ChannelsLast);
  const std::array<int64_t, 4> sizes = {layer.count, layer.outputs, grid.output_height, grid.output_width};
  const PooledSums result{at::empty(sizes, options), at::empty(sizes, options.dtype(at::kByte))};
  float* values = result.values.mutable_data_ptr<float>();
  uint8_t* places = result.places.mutable_data_ptr<uint8_t>();
  const int64_t band = std::max<int64_t>(1, (layer.band_rows - grid.kernel_height) / grid.stride_height + 1);
  const int64_t bands = (grid.output_height + band - 1) / band;
  const int64_t most_rows = std::min<int64_t>(grid.height, (band - 1) * grid.stride_height + grid.kernel_height);
  const int64_t weight_floats = layer.layout.panels() * kPanelChannels * kPanelChannels;
  at::parallel_for(0, layer.count * bands, 1, [&](int64_t begin, int64_t end) {
    const int64_t pixels = layer.pixels(most_rows);
    const at::Tensor patches = scratch(layer.patch_floats(most_rows)), sums = scratch(pixels * kPanelChannels);
    float* patch = patches.mutable_data_ptr<float>();
    layer.layout.fill_ends(pixels, patch);
    for (int64_t item = begin; item < end; ++item) {
      const int64_t n = item / bands, first = item % bands * band;
      const int64_t last = std::min<int64_t>(first + band, grid.output_height) - 1;
      const auto [top, bottom] = rows_of_windows(grid, first, last);
      const int64_t rows = bottom - top + 1;
      layer.layout.write(images.const_data_ptr<float>() + n * layer.image, top, rows, grid.width, pixels, patch);
      for (int64_t panel = 0; panel < layer.panels; ++panel) {
        kernels.tiles->rows({patch, pixels * kPanelChannels, weights.const_data_ptr<float>() + panel * weight_floats,
                             layer.layout.panels(), layer.pixels(rows), sums.mutable_data_ptr<float>(), false});
        const int64_t to = n * layer.pooled + panel * kPanelChannels;
        const RowsToPool pooled{sums.const_data_ptr<float>(), top,         kPanelChannels,
                                values + to,                  places + to, layer.outputs};
        for (int64_t y = first; y <= last; ++y) pool_row(pooled, y, /*rectify=*/true, grid, kernels);
      }
    }
  });
  return result;
}

// Sums of one image: [panels of a patch][panels of outputs][16 values of a patch][16 outputs].
void add_image(const float* image, const RowsToFill& pooled, const Layer& layer, const cpu::DirectKernels& kernels,
               float* patches, float* sums) {
  const PoolGrid& grid = layer.grid;
  const int64_t pixels = layer.pixels(layer.band_rows);
  for (int64_t first = 0; first < grid.height; first += layer.band_rows) {
    const int64_t rows = std::min<int64_t>(layer.band_rows, grid.height - first);
    layer.layout.write(image, first, rows, grid.width, pixels, patches);
    for (int64_t output = 0; output < layer.panels; ++output) {
      RowsToFill band = pooled;
      band.pooled += output * kPanelChannels;
      band.places += output * kPanelChannels;
      band.first = first;
      for (int64_t y = first; y < first + rows; ++y) pool_row_backward(band, y, grid, kernels);
      for (int64_t panel = 0; panel < layer.layout.panels(); ++panel) {
        kernels.tiles->columns({patches + panel * pixels * kPanelChannels, band.gradients, layer.pixels(rows),
                                sums + (panel * layer.panels + output) * kPanelChannels * kPanelChannels, kPanelChannels,
                                /*accumulate=*/first > 0});
      }
    }
  }
}

// The same of all images, each by itself and then added in order, so that threads make no difference.
at::Tensor sums_of_images(const at::Tensor& images, const at::Tensor& gradient, const at::Tensor& places,
                          const Layer& layer, const cpu::DirectKernels& kernels) {
  const int64_t floats = layer.layout.panels() * layer.panels * kPanelChannels * kPanelChannels;
  at::Tensor parts = scratch(std::max<int64_t>(layer.count, 1) * floats);
  float* sums = parts.mutable_data_ptr<float>();
  at::parallel_for(0, layer.count, 1, [&](int64_t begin, int64_t end) {
    const int64_t pixels = layer.pixels(layer.band_rows);
    const at::Tensor patches = scratch(layer.patch_floats(layer.band_rows)), rows = scratch(pixels * kPanelChannels);
    layer.layout.fill_ends(pixels, patches.mutable_data_ptr<float>());
    for (int64_t n = begin; n < end; ++n) {
      const RowsToFill pooled{gradient.const_data_ptr<float>() + n * layer.pooled,
                              places.const_data_ptr<uint8_t>() + n * layer.pooled,
                              layer.outputs,
                              rows.mutable_data_ptr<float>(),
                              0,
                              kPanelChannels};
      add_image(images.const_data_ptr<float>() + n * layer.image, pooled, layer, kernels,
                patches.mutable_data_ptr<float>(), sums + n * floats);
    }
  });
  if (layer.count == 0) parts.zero_();
  for (int64_t n = 1; n < layer.count; ++n) {
    for (int64_t i = 0; i < floats; ++i) sums[i] += sums[n * floats + i];
  }
  return parts;
}

// Writes value `value` of every output's patch to `to`, `stride` apart.
void write_value(const float* sums, int64_t value, const Layer& layer, int64_t stride, float* to) {
  const float* row = sums + value / kPanelChannels * layer.panels * kPanelChannels * kPanelChannels +
                     value % kPanelChannels * kPanelChannels;
  for (int64_t output = 0; output < layer.outputs; ++output) {
    to[output * stride] =
        row[output / kPanelChannels * kPanelChannels * kPanelChannels + output % kPanelChannels];
  }
}

PooledSums pooled_values(const at::Tensor& images, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                         const PooledConvolution& convolution) {
  const auto& [kernel, strides, pool] = convolution;
  const PoolGrid grid = grid_of(pool);
  const PatchLayout layout(kernel, strides, images.size(1), images.size(3));
  const Layer layer(images, weight.size(0), layout, grid);
  const at::Tensor packed = packed_weights(channels_last(weight), bias, layer);
  return pooled_products(images, packed, layer, cpu::best_direct_kernels());
}

class PooledConvolutionFunction : public torch::autograd::Function<PooledConvolutionFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& images, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias, const PooledConvolution& convolution) {
    const auto& [kernel, strides, pool] = convolution;
    const PooledSums result = pooled_values(images, weight, bias, convolution);
    context->save_for_backward({images, result.places});
    context->saved_data["grid"] = saved_grid(grid_of(pool));
    context->saved_data["geometry"] = std::vector<int64_t>{kernel[0], kernel[1], strides[0], strides[1]};
    context->saved_data["bias"] = bias.has_value();
    return result.values;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &images = saved[0], &places = saved[1], gradient = channels_last(gradients[0]);
    const PoolGrid grid = restored_grid(context->saved_data["grid"].toIntVector());
    const std::vector<int64_t> geometry = context->saved_data["geometry"].toIntVector();
    const PatchLayout layout({geometry[0], geometry[1]}, {geometry[2], geometry[3]}, images.size(1), images.size(3));
    const Layer layer(images, gradient.size(1), layout, grid);
    const at::Tensor sums = sums_of_images(images, gradient, places, layer, cpu::best_direct_kernels());
    const float* from = sums.const_data_ptr<float>();
    variable_list result(4);
    if (context->needs_input_grad(1)) {
      result[1] = empty_channels_last(layer.outputs, images.size(1), geometry[0], geometry[1]);
      float* to = result[1].mutable_data_ptr<float>();
      for (int64_t i = 0; i < layout.values(); ++i) write_value(from, i, layer, layout.values(), to + i);
    }
    if (context->saved_data["bias"].toBool() && context->needs_input_grad(2)) {
      result[2] = scratch(layer.outputs);
      write_value(from, layout.values(), layer, 1, result[2].mutable_data_ptr<float>());
    }
    return result;
  }
};

}  // namespace

bool has_pooled_convolution(const PooledConvolution& convolution, int64_t inputs, int64_t outputs) {
  const auto& [kernel, strides, pool] = convolution;
  const int64_t values = kernel[0] * kernel[1] * inputs;
  return cpu::best_direct_kernels().lanes >= 8 && values / kPanelChannels < kMostPatchPanels &&
         outputs % kPanelChannels == 0 && pool.kernel[0] * pool.kernel[1] <= most_window_cells;
}

at::Tensor pooled_convolution(const at::Tensor& given, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                              const PooledConvolution& convolution) {
  const at::Tensor images = channels_last(given);
  if (wants_gradients(images, weight, bias)) {
    return PooledConvolutionFunction::apply(images, weight, bias, convolution);
  }
  return pooled_values(images, weight, bias, convolution).values;
}

}  // namespace finepune
