#include "tile_points.h"

#include <algorithm>
#include <vector>

#include <xmmintrin.h>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

namespace finepune {
namespace {

using cpu::kPanelChannels;
using cpu::TileTransform;

// Tiles that a thread transforms of one panel, before it goes to another.
constexpr int64_t kTilesTogether = 64;

// visit(panel, row) for all panels of all rows [0, count), on libtorch's threads.
template <typename Visit>
void for_each_tile(int64_t panels, int64_t count, const Visit& visit) {
  const int64_t parts = (count + kTilesTogether - 1) / kTilesTogether;
  at::parallel_for(0, panels * parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t first = item % parts * kTilesTogether, last = std::min(count, first + kTilesTogether);
      for (int64_t row = first; row < last; ++row) visit(item / parts, row);
    }
  });
}

// The first channel's pixels of `images`; only written through where they are an output.
float* pixels_of(const TiledImages& images) {
  return const_cast<float*>(images.images.const_data_ptr<float>()) + images.first_channel;
}

// `pixels`: what pixels_of gives, which asks a tensor and so takes too long to be done for each tile.
TileTransform tile_of(const TiledImages& images, float* pixels, const TileRange& range, int64_t panel, int64_t row) {
  TileTransform tile{};
  tile.taps = range.taps;
  tile.pixels = pixels + panel * kPanelChannels;
  tile.rows = images.places.rows_of(range.first + row);
  tile.columns = images.places.columns_of(range.first + row);
  return tile;
}

void transform_tiles(const TiledImages& images, const TileRange& range, void (*transform)(const TileTransform&),
                     PanelValues& to) {
  float* pixels = pixels_of(images);
  for_each_tile(to.panels(), range.count, [&](int64_t panel, int64_t row) {
    TileTransform tile = tile_of(images, pixels, range, panel, row);
    tile.points = to.at(0, panel, row);
    tile.point_stride = to.point_stride();
    transform(tile);
  });
}

// Where the taps of an output channel lie, sixteen input channels each.
class TapPlaces {
 public:
  explicit TapPlaces(const at::Tensor& weight)
      : values_(const_cast<float*>(weight.const_data_ptr<float>())), inputs_(weight.size(1)), taps_(weight.size(2)) {
    for (int64_t tap = 0; tap < taps_; ++tap) {
      rows_.push_back(tap * taps_ * inputs_);
      columns_.push_back(tap * inputs_);
    }
  }

  // The last tap is the first.
  void turn() {
    std::reverse(rows_.begin(), rows_.end());
    std::reverse(columns_.begin(), columns_.end());
  }

  TileTransform tile(int64_t output, int64_t input) const {
    TileTransform tile{};
    tile.taps = taps_;
    tile.pixels = values_ + output * taps_ * taps_ * inputs_ + input;
    tile.rows = rows_.data();
    tile.columns = columns_.data();
    return tile;
  }

 private:
  // Only written through where it is a gradient.
  float* values_;
  int64_t inputs_, taps_;
  std::vector<int64_t> rows_, columns_;
};

// Sixteen rows of sixteen become columns.
void transpose(const float* from, float* to) {
  for (int64_t y = 0; y < kPanelChannels; y += 4) {
    for (int64_t x = 0; x < kPanelChannels; x += 4) {
      __m128 rows[4];
      for (int64_t i = 0; i < 4; ++i) rows[i] = _mm_loadu_ps(from + (y + i) * kPanelChannels + x);
      _MM_TRANSPOSE4_PS(rows[0], rows[1], rows[2], rows[3]);
      for (int64_t i = 0; i < 4; ++i) _mm_storeu_ps(to + (x + i) * kPanelChannels + y, rows[i]);
    }
  }
}

}  // namespace

PanelValues::PanelValues(int64_t points, int64_t channels, int64_t rows)
    : points_(points), panels_(channels / kPanelChannels), rows_(rows) {
  memory_ = at::empty({points * points * point_stride()}, at::kFloat);
  values_ = memory_.mutable_data_ptr<float>();
}

void input_points(const TiledImages& images, const TileRange& range, const cpu::TileKernels& kernels,
                  PanelValues& to) {
  transform_tiles(images, range, kernels.input, to);
}

void gradient_points(const TiledImages& gradient, const TileRange& range, const cpu::TileKernels& kernels,
                     PanelValues& to) {
  transform_tiles(gradient, range, kernels.gradient, to);
}

void write_tiles(const PanelValues& sums, const TileRange& range, const PixelFinish& finish,
                 const cpu::TileKernels& kernels, const TiledImages& output) {
  float* pixels = pixels_of(output);
  for_each_tile(sums.panels(), range.count, [&](int64_t panel, int64_t row) {
    TileTransform tile = tile_of(output, pixels, range, panel, row);
    tile.points = const_cast<float*>(sums.at(0, panel, row));
    tile.point_stride = sums.point_stride();
    tile.bias = finish.bias == nullptr ? nullptr : finish.bias + panel * kPanelChannels;
    tile.rectify = finish.rectify;
    kernels.output(tile);
  });
}

PanelValues forward_weights(const at::Tensor& weight, int64_t first_output, int64_t outputs,
                            const cpu::TileKernels& kernels) {
  const int64_t inputs = weight.size(1), points = points_of(weight.size(2));
  PanelValues values(points, outputs, inputs);
  constexpr int64_t block = kPanelChannels * kPanelChannels;
  const int64_t blocks = inputs / kPanelChannels;
  const TapPlaces taps(weight);
  at::parallel_for(0, values.panels() * blocks, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> rows(static_cast<size_t>(points * points * block));
    for (int64_t item = begin; item < end; ++item) {
      const int64_t panel = item / blocks, input = item % blocks * kPanelChannels;
      for (int64_t o = 0; o < kPanelChannels; ++o) {
        TileTransform tile = taps.tile(first_output + panel * kPanelChannels + o, input);
        tile.points = rows.data() + o * kPanelChannels;
        tile.point_stride = block;
        kernels.weights(tile);
      }
      for (int64_t point = 0; point < points * points; ++point) {
        transpose(rows.data() + point * block, values.at(point, panel, input));
      }
    }
  });
  return values;
}

PanelValues turned_weights(const at::Tensor& weight, int64_t first_output, int64_t outputs,
                           const cpu::TileKernels& kernels) {
  PanelValues values(points_of(weight.size(2)), weight.size(1), outputs);
  TapPlaces taps(weight);
  taps.turn();
  for_each_tile(values.panels(), outputs, [&](int64_t panel, int64_t row) {
    TileTransform tile = taps.tile(first_output + row, panel * kPanelChannels);
    tile.points = values.at(0, panel, row);
    tile.point_stride = values.point_stride();
    kernels.weights(tile);
  });
  return values;
}

void write_weight_gradient(const PanelValues& points, int64_t first_output, const cpu::TileKernels& kernels,
                           const at::Tensor& gradient) {
  const TapPlaces taps(gradient);
  for_each_tile(points.panels(), points.rows(), [&](int64_t panel, int64_t row) {
    TileTransform tile = taps.tile(first_output + row, panel * kPanelChannels);
    tile.points = const_cast<float*>(points.at(0, panel, row));
    tile.point_stride = points.point_stride();
    kernels.weight_gradient(tile);
  });
}

}  // namespace finepune
