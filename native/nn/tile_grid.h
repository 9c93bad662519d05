// How the tiles of a convolution lie on its images.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "ops/cpu/tile_kernels.h"

namespace finepune {

// Along one side of the images: pixels of input and output, and zeros before the input.
struct TileSide {
  int64_t input, output, padding;
};

// Images lie in rows and columns. Where that saves tiles, those side by side share the padding between them: 13 pixels and
// a zero are 3.5 tiles, where alone they are 4. Elsewhere each has tiles of its own.
class TileGrid {
 public:
  TileGrid(int64_t images, const TileSide& vertical, const TileSide& horizontal);

  int64_t tiles() const { return vertical_.tiles * horizontal_.tiles; }

  // Offsets, in floats, of the rows and columns of pixels that tiles read or write in one tensor; negative where there is
  // no pixel. `count` a tile: its own, or `taps` - 1 more.
  struct Places {
    int64_t count, across;
    std::vector<int64_t> rows, columns;

    const int64_t* rows_of(int64_t tile) const { return rows.data() + tile / across * count; }
    const int64_t* columns_of(int64_t tile) const { return columns.data() + tile % across * count; }
  };
  // Of images in channels_last memory, or of some channels of such.
  Places inputs(const at::Tensor& images, int64_t taps) const;
  Places outputs(const at::Tensor& images) const;

 private:
  struct Direction {
    TileSide side;
    // `period`: pixels from one image to the next; 0 where each has tiles of its own.
    int64_t images, period, tiles;
  };
  struct Line;
  static Direction lay_out(const TileSide& side, int64_t images);
  static std::vector<int64_t> offsets(const Direction& direction, const Line& line);
  Places places(const at::Tensor& images, bool of_input, int64_t count) const;

  Direction vertical_, horizontal_;
};

}  // namespace finepune
