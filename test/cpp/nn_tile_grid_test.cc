#include "nn/tile_grid.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include <ATen/ops/empty.h>

#include "check.h"

namespace finepune::test {
namespace {

at::Tensor images_of(int64_t images, int64_t channels, int64_t height, int64_t width) {
  return at::empty({images, channels, height, width}, at::TensorOptions().dtype(at::kFloat));
}

TEST("tile grid: images of 13 x 13 share tiles with their neighbours, those of whole tiles do not") {
  CHECK(TileGrid(32, {13, 13, 1}, {13, 13, 1}).tiles() == 14 * 28);
  CHECK(TileGrid(31, {13, 13, 1}, {13, 13, 1}).tiles() == 4 * 109);
  CHECK(TileGrid(32, {28, 28, 1}, {28, 28, 1}).tiles() == 32 * 7 * 7);
  CHECK(TileGrid(1, {13, 13, 1}, {13, 13, 1}).tiles() == 4 * 4);
}

TEST("tile grid: tiles have every pixel of the output once, and read its neighbours or nothing") {
  struct Case {
    int64_t images, height, width, taps, padding;
  };
  for (const Case& c : {Case{6, 13, 13, 3, 1}, Case{4, 13, 28, 3, 1}, Case{5, 9, 5, 5, 2}, Case{12, 5, 6, 3, 0},
                        Case{8, 1, 1, 3, 1}, Case{2, 10, 10, 5, 4}}) {
    const int64_t height = c.height + 2 * c.padding - c.taps + 1, width = c.width + 2 * c.padding - c.taps + 1;
    const TileGrid grid(c.images, {c.height, height, c.padding}, {c.width, width, c.padding});
    const TileGrid::Places from = grid.inputs(images_of(c.images, 1, c.height, c.width), c.taps);
    const TileGrid::Places to = grid.outputs(images_of(c.images, 1, height, width));
    std::vector<int64_t> written(static_cast<size_t>(c.images * height * width), 0);
    bool neighbours = true;
    for (int64_t tile = 0; tile < grid.tiles(); ++tile) {
      for (int64_t i = 0; i < cpu::kTilePixels * cpu::kTilePixels; ++i) {
        const int64_t y = i / cpu::kTilePixels, x = i % cpu::kTilePixels;
        const int64_t row = to.rows_of(tile)[y], column = to.columns_of(tile)[x];
        if (row < 0 || column < 0) continue;
        const int64_t pixel = row + column, image = pixel / (height * width);
        ++written[static_cast<size_t>(pixel)];
        for (int64_t tap = 0; tap < c.taps * c.taps; ++tap) {
          const int64_t above = from.rows_of(tile)[y + tap / c.taps], left = from.columns_of(tile)[x + tap % c.taps];
          const int64_t read_y = pixel / width % height + tap / c.taps - c.padding;
          const int64_t read_x = pixel % width + tap % c.taps - c.padding;
          const bool inside = read_y >= 0 && read_y < c.height && read_x >= 0 && read_x < c.width;
          const int64_t expected = inside ? image * c.height * c.width + read_y * c.width + read_x : -1;
          neighbours = neighbours && expected == (above < 0 || left < 0 ? -1 : above + left);
        }
      }
    }
    CHECK(neighbours);
    CHECK(std::accumulate(written.begin(), written.end(), int64_t{0}) == c.images * height * width);
    CHECK(std::find(written.begin(), written.end(), 0) == written.end());
  }
}

}  // namespace
}  // namespace finepune::test
