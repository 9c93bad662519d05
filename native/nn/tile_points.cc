#include "tile_points.h"

#include <algorithm>
#include <vector>

#include <xmmintrin.h>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

namespace finepune {
namespace {

using cpu::kPanelChannels;
using cpu::kTilePixels;
using cpu::TileTransform;

// Tiles that a thread transforms of one panel, before it goes to another.
constexpr int64_t kTilesTogether = 64;

// Where a tile lies.
struct Place {
  Place(const TileGrid& grid, int64_t tile)
      : image(tile / (grid.rows() * grid.columns())),
        y(tile / grid.columns() % grid.rows() * kTilePixels),
        x(tile % grid.columns() * kTilePixels) {}
  int64_t image, y, x;
};

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

// A tile of `images` from row y and column x on, which may lie outside.
TileTransform tile_of(const at::Tensor& images, int64_t channel, int64_t image, int64_t y, int64_t x) {
  const int64_t channels = images.size(1), height = images.size(2), width = images.size(3);
  TileTransform tile{};
  tile.row_stride = width * channels;
  tile.pixel_stride = channels;
  // Only what is inside is read.
  tile.pixels = const_cast<float*>(images.const_data_ptr<float>()) + image * height * tile.row_stride +
                y * tile.row_stride + x * channels + channel;
  tile.first_row = -y;
  tile.last_row = height - y;
  tile.first_column = -x;
  tile.last_column = width - x;
  return tile;
}

void transform_tiles(const TiledImages& images, const TileGrid& grid, int64_t taps, int64_t first, int64_t count,
                     void (*transform)(const TileTransform&), PanelValues& to) {
  for_each_tile(to.panels(), count, [&](int64_t panel, int64_t row) {
    const Place place(grid, first + row);
    TileTransform tile = tile_of(images.images, images.first_channel + panel * kPanelChannels, place.image,
                                 place.y - images.top, place.x - images.left);
    tile.taps = taps;
    tile.points = to.at(0, panel, row);
    tile.point_stride = to.point_stride();
    transform(tile);
  });
}

// The taps of sixteen input channels of one output channel.
TileTransform taps_of(const at::Tensor& weight, int64_t output, int64_t input) {
  const int64_t inputs = weight.size(1), taps = weight.size(2);
  TileTransform tile{};
  tile.taps = taps;
  tile.row_stride = taps * inputs;
  tile.pixel_stride = inputs;
  tile.pixels = const_cast<float*>(weight.const_data_ptr<float>()) + output * taps * tile.row_stride + input;
  tile.last_row = tile.last_column = taps;
  return tile;
}

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

void input_points(const TiledImages& images, const TileGrid& grid, int64_t taps, int64_t first, int64_t count,
                  const cpu::TileKernels& kernels, PanelValues& to) {
  transform_tiles(images, grid, taps, first, count, kernels.input, to);
}

void gradient_points(const TiledImages& gradient, const TileGrid& grid, int64_t taps, int64_t first, int64_t count,
                     const cpu::TileKernels& kernels, PanelValues& to) {
  transform_tiles(gradient, grid, taps, first, count, kernels.gradient, to);
}

void write_tiles(const PanelValues& sums, const TileGrid& grid, int64_t taps, int64_t first, int64_t count,
                 const float* bias, const cpu::TileKernels& kernels, const at::Tensor& output,
                 int64_t first_channel) {
  for_each_tile(sums.panels(), count, [&](int64_t panel, int64_t row) {
    const Place place(grid, first + row);
    const int64_t channel = panel * kPanelChannels;
    TileTransform tile = tile_of(output, first_channel + channel, place.image, place.y, place.x);
    tile.taps = taps;
    tile.points = const_cast<float*>(sums.at(0, panel, row));
    tile.point_stride = sums.point_stride();
    tile.bias = bias == nullptr ? nullptr : bias + channel;
    kernels.output(tile);
  });
}

PanelValues forward_weights(const at::Tensor& weight, int64_t first_output, int64_t outputs,
                            const cpu::TileKernels& kernels) {
  const int64_t inputs = weight.size(1), points = points_of(weight.size(2));
  PanelValues values(points, outputs, inputs);
  constexpr int64_t block = kPanelChannels * kPanelChannels;
  const int64_t blocks = inputs / kPanelChannels;
  at::parallel_for(0, values.panels() * blocks, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> rows(static_cast<size_t>(points * points * block));
    for (int64_t item = begin; item < end; ++item) {
      const int64_t panel = item / blocks, input = item % blocks * kPanelChannels;
      for (int64_t o = 0; o < kPanelChannels; ++o) {
        TileTransform tile = taps_of(weight, first_output + panel * kPanelChannels + o, input);
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
  const int64_t inputs = weight.size(1), taps = weight.size(2);
  PanelValues values(points_of(taps), inputs, outputs);
  for_each_tile(values.panels(), outputs, [&](int64_t panel, int64_t row) {
    TileTransform tile = taps_of(weight, first_output + row, panel * kPanelChannels);
    // The last tap is the first.
    tile.pixels += (taps * taps - 1) * inputs;
    tile.row_stride = -tile.row_stride;
    tile.pixel_stride = -tile.pixel_stride;
    tile.points = values.at(0, panel, row);
    tile.point_stride = values.point_stride();
    kernels.weights(tile);
  });
  return values;
}

void write_weight_gradient(const PanelValues& points, int64_t first_output, const cpu::TileKernels& kernels,
                           const at::Tensor& gradient) {
  for_each_tile(points.panels(), points.rows(), [&](int64_t panel, int64_t row) {
    TileTransform tile = taps_of(gradient, first_output + row, panel * kPanelChannels);
    tile.points = const_cast<float*>(points.at(0, panel, row));
    tile.point_stride = points.point_stride();
    kernels.weight_gradient(tile);
  });
}

}  // namespace finepune
