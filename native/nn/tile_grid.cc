#include "tile_grid.h"

#include <algorithm>

namespace finepune {
namespace {

int64_t tiles_of(int64_t pixels) { return (pixels + cpu::kTilePixels - 1) / cpu::kTilePixels; }

}  // namespace

TileGrid::TileGrid(int64_t images, const TileSide& vertical, const TileSide& horizontal)
    : vertical_(lay_out(vertical, 1)), horizontal_(lay_out(horizontal, images)) {
  for (int64_t down = 2; down <= images; ++down) {
    if (images % down != 0) continue;
    const Direction rows = lay_out(vertical, down), columns = lay_out(horizontal, images / down);
    if (rows.tiles * columns.tiles >= tiles()) continue;
    vertical_ = rows;
    horizontal_ = columns;
  }
}

TileGrid::Direction TileGrid::lay_out(const TileSide& side, int64_t images) {
  const int64_t alone = images * tiles_of(side.output);
  const int64_t period = std::max(side.input + side.padding, side.output);
  const int64_t together = tiles_of((images - 1) * period + side.output);
  if (together < alone) return {side, images, period, together};
  return {side, images, 0, alone};
}

// One direction of a tensor: an image has `size` pixels, of which the first is read `before` pixels after the first one
// of a tile.
struct TileGrid::Line {
  int64_t size, before, count, image_stride, pixel_stride;

  int64_t offset(int64_t image, int64_t pixel) const {
    return pixel < 0 || pixel >= size ? -1 : image * image_stride + pixel * pixel_stride;
  }
};

std::vector<int64_t> TileGrid::offsets(const Direction& direction, const Line& line) {
  std::vector<int64_t> offsets;
  const int64_t an_image = tiles_of(direction.side.output);
  for (int64_t tile = 0; tile < direction.tiles; ++tile) {
    for (int64_t i = 0; i < line.count; ++i) {
      int64_t image = tile / an_image, pixel = tile % an_image * cpu::kTilePixels + i - line.before;
      if (direction.period > 0) {
        const int64_t place = tile * cpu::kTilePixels + i - line.before;
        image = place < 0 ? 0 : std::min(place / direction.period, direction.images - 1);
        pixel = place - image * direction.period;
      }
      offsets.push_back(line.offset(image, pixel));
    }
  }
  return offsets;
}

TileGrid::Places TileGrid::places(const at::Tensor& images, bool of_input, int64_t count) const {
  const int64_t height = images.size(2), width = images.size(3);
  const int64_t image = images.stride(0), row = images.stride(2), pixel = images.stride(3);
  const int64_t top = of_input ? vertical_.side.padding : 0, left = of_input ? horizontal_.side.padding : 0;
  return {count, horizontal_.tiles,
          offsets(vertical_, {height, top, count, horizontal_.images * image, row}),
          offsets(horizontal_, {width, left, count, image, pixel})};
}

TileGrid::Places TileGrid::inputs(const at::Tensor& images, int64_t taps) const {
  return places(images, true, cpu::kTilePixels + taps - 1);
}

TileGrid::Places TileGrid::outputs(const at::Tensor& images) const {
  return places(images, false, cpu::kTilePixels);
}

}  // namespace finepune
