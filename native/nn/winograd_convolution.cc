#include "winograd_convolution.h"

#include <algorithm>

#include <ATen/Parallel.h>

#include "channels_last.h"

namespace finepune {
namespace {

using cpu::kPanelChannels;

// Floats of all values of the tiles computed together: what the caches that cores share may hold.
constexpr int64_t kChunkFloats = int64_t{1} << 20;
// Tiles whose values of all channels stay in a core's own cache while every panel of weights is multiplied with them,
// and tiles of a panel that stay in the nearest one.
constexpr int64_t kNearFloats = int64_t{48} << 10, kNearTiles = 192;

// A whole number of register tiles of every instruction set.
constexpr int64_t kEvenTiles = 48;
int64_t even(int64_t tiles) { return std::max<int64_t>(1, (tiles + kEvenTiles / 2) / kEvenTiles) * kEvenTiles; }

// Tiles computed together, of `channels` in all.
int64_t chunk_tiles(int64_t points, int64_t channels, int64_t tiles) {
  return std::min(even(kChunkFloats / (points * points * channels)), tiles);
}

// sums[point][panel of `weights`][tile] = products of the first `count` tiles with the weights.
void multiply(const PanelValues& tiles, int64_t count, const PanelValues& weights, const cpu::TileKernels& kernels,
              PanelValues& sums) {
  const int64_t channels = tiles.panels() * kPanelChannels, points = tiles.points() * tiles.points();
  const int64_t near = even(kNearFloats / channels), parts = (count + near - 1) / near;
  at::parallel_for(0, points * parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t point = item / parts, first = item % parts * near, rows = std::min(near, count - first);
      for (int64_t panel = 0; panel < weights.panels(); ++panel) {
        kernels.rows({tiles.at(point, 0, first), tiles.panel_stride(), weights.at(point, panel, 0), tiles.panels(),
                      rows, sums.at(point, panel, first), false});
      }
    }
  });
}

// All tiles of one group: `weights` are panels of output channels, a row an input channel.
void convolve(const TiledImages& images, const PanelValues& weights, int64_t taps, int64_t tiles,
              const PixelFinish& finish, const cpu::TileKernels& kernels, const TiledImages& output) {
  const int64_t channels = (weights.rows() / kPanelChannels + weights.panels()) * kPanelChannels;
  const int64_t together = chunk_tiles(weights.points(), channels, tiles);
  PanelValues sums(weights.points(), weights.panels() * kPanelChannels, together);
  PanelValues values(weights.points(), weights.rows(), together);
  for (int64_t first = 0; first < tiles; first += together) {
    const TileRange range{taps, first, std::min(together, tiles - first)};
    input_points(images, range, kernels, values);
    multiply(values, range.count, weights, kernels, sums);
    write_tiles(sums, range, finish, kernels, output);
  }
}

// `input` as the convolution reads it, with that padding.
TileGrid grid_of(const at::Tensor& input, const at::Tensor& output, int64_t top, int64_t left) {
  return {output.size(0), {input.size(2), output.size(2), top}, {input.size(3), output.size(3), left}};
}

// All groups; `weights_of` gives those of one, and `padding` is that of the images read.
template <typename WeightsOf>
void convolve_groups(const at::Tensor& images, const UnitConvolution& convolution, const Padding& padding,
                     const PixelFinish& finish, const cpu::TileKernels& kernels, const at::Tensor& output,
                     const WeightsOf& weights_of) {
  const int64_t taps = convolution.kernel[0], groups = convolution.groups;
  const int64_t inputs = images.size(1) / groups, outputs = output.size(1) / groups;
  const TileGrid grid = grid_of(images, output, padding.top, padding.left);
  const TileGrid::Places from = grid.inputs(images, taps), to = grid.outputs(output);
  for (int64_t group = 0; group < groups; ++group) {
    const float* bias = finish.bias == nullptr ? nullptr : finish.bias + group * outputs;
    convolve({images, group * inputs, from}, weights_of(group), taps, grid.tiles(), {bias, finish.rectify}, kernels,
             {output, group * outputs, to});
  }
}

// Adds the products of `count` tiles to `sums`: panels of input channels, a row an output channel.
void add_products(const PanelValues& gradients, const PanelValues& images, int64_t count, bool accumulate,
                  const cpu::TileKernels& kernels, PanelValues& sums) {
  const int64_t points = images.points() * images.points();
  const int64_t parts = (count + kNearTiles - 1) / kNearTiles;
  at::parallel_for(0, points, 1, [&](int64_t begin, int64_t end) {
    for (int64_t item = begin * parts; item < end * parts; ++item) {
      const int64_t point = item / parts, part = item % parts;
      const int64_t first = count * part / parts, tiles = count * (part + 1) / parts - first;
      for (int64_t input = 0; input < images.panels(); ++input) {
        for (int64_t output = 0; output < gradients.panels(); ++output) {
          kernels.columns({gradients.at(point, output, first), images.at(point, input, first), tiles,
                           sums.at(point, input, output * kPanelChannels), kPanelChannels, accumulate || part > 0});
        }
      }
    }
  });
}

}  // namespace

bool has_winograd(const UnitConvolution& convolution, int64_t inputs, int64_t outputs) {
  const int64_t panel = kPanelChannels * convolution.groups;
  return convolution.kernel[0] == convolution.kernel[1] && has_tiles(convolution.kernel[0]) && inputs % panel == 0 &&
         outputs % panel == 0;
}

double winograd_products(const TileGrid& grid, int64_t taps) {
  return static_cast<double>(grid.tiles() * points_of(taps) * points_of(taps));
}

at::Tensor winograd_output(const at::Tensor& given, const at::Tensor& given_weight,
                           const std::optional<at::Tensor>& bias, const UnitConvolution& convolution,
                           const cpu::TileKernels& kernels, const OutputFinish& finish) {
  const at::Tensor images = channels_last(given), weight = channels_last(given_weight);
  const auto& [kernel, padding, groups] = convolution;
  const int64_t outputs = weight.size(0) / groups;
  const at::Tensor output =
      finish.place != nullptr
          ? *finish.place
          : empty_channels_last(images.size(0), weight.size(0), images.size(2) + 2 * padding.top - kernel[0] + 1,
                                images.size(3) + 2 * padding.left - kernel[1] + 1);
  const PixelFinish pixels{bias ? bias->const_data_ptr<float>() : nullptr, finish.rectify};
  convolve_groups(images, convolution, padding, pixels, kernels, output,
                  [&](int64_t group) { return forward_weights(weight, group * outputs, outputs, kernels); });
  return output;
}

at::Tensor winograd_input_gradient(const at::Tensor& given, const at::Tensor& given_weight,
                                   const UnitConvolution& convolution, const cpu::TileKernels& kernels) {
  const at::Tensor gradient = channels_last(given), weight = channels_last(given_weight);
  const auto& [kernel, padding, groups] = convolution;
  const int64_t outputs = weight.size(0) / groups;
  const at::Tensor result = empty_channels_last(gradient.size(0), weight.size(1) * groups,
                                                gradient.size(2) - 2 * padding.top + kernel[0] - 1,
                                                gradient.size(3) - 2 * padding.left + kernel[1] - 1);
  const int64_t top = kernel[0] - 1 - padding.top, left = kernel[1] - 1 - padding.left;
  convolve_groups(gradient, convolution, {top, left, top, left}, {}, kernels, result,
                  [&](int64_t group) { return turned_weights(weight, group * outputs, outputs, kernels); });
  return result;
}

at::Tensor winograd_weight_gradient(const at::Tensor& given, const at::Tensor& given_gradient,
                                    const UnitConvolution& convolution, const cpu::TileKernels& kernels) {
  const at::Tensor images = channels_last(given), gradient = channels_last(given_gradient);
  const auto& [kernel, padding, groups] = convolution;
  const int64_t taps = kernel[0], points = points_of(taps);
  const int64_t inputs = images.size(1) / groups, outputs = gradient.size(1) / groups;
  const TileGrid grid = grid_of(images, gradient, padding.top, padding.left);
  const TileGrid::Places from = grid.inputs(images, taps), to = grid.outputs(gradient);
  const int64_t together = chunk_tiles(points, inputs + outputs, grid.tiles());
  at::Tensor result = empty_channels_last(outputs * groups, inputs, taps, taps);
  PanelValues tiles(points, inputs, together), gradients(points, outputs, together), sums(points, inputs, outputs);
  for (int64_t group = 0; group < groups; ++group) {
    for (int64_t first = 0; first < grid.tiles(); first += together) {
      const TileRange range{taps, first, std::min(together, grid.tiles() - first)};
      input_points({images, group * inputs, from}, range, kernels, tiles);
      gradient_points({gradient, group * outputs, to}, range, kernels, gradients);
      add_products(gradients, tiles, range.count, first > 0, kernels, sums);
    }
    write_weight_gradient(sums, group * outputs, kernels, result);
  }
  return result;
}

}  // namespace finepune
