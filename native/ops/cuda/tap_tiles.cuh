// Tiles of a convolution's weight, as blocks of tap_gradient_kernel.cu take them, and what they keep in shared memory.
#pragma once

#include <cstdint>

#include "ops/cuda/tap_gradient_kernel.h"

namespace finepune::cuda {

// `tap_rows` whole rows of taps, `channels` channels and `outputs` outputs of a weight with `side` x `side` taps. Its warps
// stand in rows, which share the outputs, `left` fragments of 16 each; a warp of a row has one row of taps and one of
// `parts` parts of the channels, `right` fragments of 8 channels for each tap. They are a multiple of four in all, so that
// they fall evenly on the tensor cores of a multiprocessor. The more products a warp has of a fragment, the less it reads:
// shared memory gives a warp's fragments about as fast as tensor cores take them.
template <int kTileSide, int kTileTapRows, int kTileChannels, int kTileParts, int kTileWarpRows, int kTileLeft>
struct TapTile {
  static constexpr int side = kTileSide, tap_rows = kTileTapRows, channels = kTileChannels;
  static constexpr int left = kTileLeft, parts = kTileParts, right = channels / (8 * parts);
  static constexpr int warp_columns = tap_rows * parts;
  static constexpr int warps = kTileWarpRows * warp_columns;
  static constexpr int threads = 32 * warps;
  static constexpr int outputs = kTileWarpRows * left * 16;
  static_assert(channels % (8 * parts) == 0 && side % tap_rows == 0);
  static_assert(warps % 4 == 0);
  // Floats from one pixel in shared memory to the next: eight more than whole rounds of 16 banks, so that the four pixels
  // and eight channels of a fragment lie in 32 different ones.
  static constexpr int gradient_pitch = outputs + 8, image_pitch = channels + 8;
  static_assert(gradient_pitch % 16 == 8 && image_pitch % 16 == 8);

  // Sizes in shared memory for chunks of `rows` rows. Pixels of gradients are whole fragments.
  __host__ __device__ static int pixels(int rows, int width) { return (rows * width + 7) / 8 * 8; }
  // From one row of an image to the next, in pixels: four more than the output's, which leaves a fragment's four pixels in
  // different banks where they go on in the next row.
  static_assert(side - 1 <= 4 && 4 * image_pitch % 32 == 0);
  __host__ __device__ static int image_width(int width) { return width + 4; }
  __host__ __device__ static int image_pixels(int rows, int width) {
    return (rows + tap_rows - 1) * image_width(width);
  }
  __host__ __device__ static int stage_floats(int rows, int width) {
    return pixels(rows, width) * gradient_pitch + image_pixels(rows, width) * image_pitch;
  }
  // One chunk to multiply with and the next, and where each pixel begins among those of the image.
  __host__ __device__ static int64_t shared_bytes(int rows, int width) {
    return int64_t{4} * (2 * stage_floats(rows, width) + pixels(rows, width));
  }

  __host__ __device__ static bool divides(const TapGradients& job) {
    return job.side == side && job.channels % channels == 0 && job.outputs % outputs == 0;
  }
  __host__ __device__ static int tiles(const TapGradients& job) {
    return job.outputs / outputs * (job.channels / channels) * (side / tap_rows);
  }
};

// First layers of three channels, folded in steps of four; the layers behind them.
using FirstTile = TapTile<3, 3, 48, 2, 2, 2>;
using WideFirstTile = TapTile<3, 3, 48, 2, 2, 3>;
using ThreeTile = TapTile<3, 3, 64, 4, 1, 4>;
using FiveTile = TapTile<5, 1, 64, 4, 2, 3>;

// Calls call(Tile{}) with the tile that divides the weight, and returns what it does; `none` where there is no such tile.
template <typename Result, typename Call>
Result with_tile(const TapGradients& job, const Result& none, const Call& call) {
  if (job.channels == FirstTile::channels && FirstTile::divides(job)) return call(FirstTile{});
  if (job.channels == WideFirstTile::channels && WideFirstTile::divides(job)) return call(WideFirstTile{});
  if (ThreeTile::divides(job)) return call(ThreeTile{});
  if (FiveTile::divides(job)) return call(FiveTile{});
  return none;
}

}  // namespace finepune::cuda
