// Tiles of images and weights, transformed for Winograd's minimal filtering in two directions: see
// ops/cpu/tile_kernels.h for what tiles, points and panels are.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "ops/cpu/tile_kernels.h"
#include "tile_grid.h"

namespace finepune {

constexpr bool has_tiles(int64_t taps) { return taps == 3 || taps == 5; }
constexpr int64_t points_of(int64_t taps) { return cpu::kTilePixels + taps - 1; }

// Values [point][panel][row][16], where rows are tiles, or channels of weights; points lie an odd number of lines of
// memory apart, or all of a row's would fall into one set of a cache.
class PanelValues {
 public:
  // `points` a side, `channels` a multiple of sixteen.
  PanelValues(int64_t points, int64_t channels, int64_t rows);

  int64_t points() const { return points_; }
  int64_t panels() const { return panels_; }
  int64_t rows() const { return rows_; }
  int64_t point_stride() const { return panels_ * panel_stride() + cpu::kPanelChannels; }
  int64_t panel_stride() const { return rows_ * cpu::kPanelChannels; }
  float* at(int64_t point, int64_t panel, int64_t row) {
    return values_ + point * point_stride() + panel * panel_stride() + row * cpu::kPanelChannels;
  }
  const float* at(int64_t point, int64_t panel, int64_t row) const {
    return const_cast<PanelValues*>(this)->at(point, panel, row);
  }

 private:
  int64_t points_, panels_, rows_;
  at::Tensor memory_;
  float* values_;
};

// A group's channels, from `first_channel` on, of images in channels_last memory or of some channels of such, and where
// the tiles lie on them.
struct TiledImages {
  const at::Tensor& images;
  int64_t first_channel;
  const TileGrid::Places& places;
};

// Tiles [first, first + count) of a convolution of `taps` taps a side.
struct TileRange {
  int64_t taps, first, count;
};

// Values of the tiles, of what the convolution reads for them.
void input_points(const TiledImages& images, const TileRange& range, const cpu::TileKernels& kernels, PanelValues& to);

// The same of the gradient by the output.
void gradient_points(const TiledImages& gradient, const TileRange& range, const cpu::TileKernels& kernels,
                     PanelValues& to);

// What is done to sums before they are pixels of an output.
struct PixelFinish {
  // Of the first channel; null for none.
  const float* bias = nullptr;
  // max(., 0); NaN stays NaN.
  bool rectify = false;
};

// Writes the tiles' pixels of `sums`.
void write_tiles(const PanelValues& sums, const TileRange& range, const PixelFinish& finish,
                 const cpu::TileKernels& kernels, const TiledImages& output);

// Of one group's rows of `weight`, [out, in / groups, taps, taps] in channels_last memory, with outputs from
// `first_output` on: panels of output channels with a row for each input channel, for the products of a forward pass.
PanelValues forward_weights(const at::Tensor& weight, int64_t first_output, int64_t outputs,
                            const cpu::TileKernels& kernels);

// The same turned round, panels of input channels with a row for each output channel: for the gradient by the input.
PanelValues turned_weights(const at::Tensor& weight, int64_t first_output, int64_t outputs,
                           const cpu::TileKernels& kernels);

// Writes the gradient by such weights; `points` are panels of input channels with a row for each output channel.
void write_weight_gradient(const PanelValues& points, int64_t first_output, const cpu::TileKernels& kernels,
                           const at::Tensor& gradient);

}  // namespace finepune
