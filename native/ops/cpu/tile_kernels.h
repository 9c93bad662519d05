// Kernels of Winograd's minimal filtering in two directions, F(4 x 4, 3 x 3) and F(4 x 4, 5 x 5) (Lavin and Gray, "Fast
// Algorithms for Convolutional Neural Networks", CVPR 2016, section 4): what training computes its convolutions with.
// Included by files compiled for other instruction sets than the rest, so it must bring in no inline code.
//
// Notation: a tile is 4 x 4 pixels of output. A transform makes points x points values of it, 6 x 6 for three rows and
// columns of taps and 8 x 8 for five; matrices are named as in that paper (winograd_lines.inc). A panel is sixteen
// channels side by side, for one tile after the other.
#pragma once

#include <cstdint>

namespace finepune::cpu {

constexpr int64_t kTilePixels = 4, kPanelChannels = 16;

// One tile of one panel. A pixel is sixteen channels, at pixels + rows[y] + columns[x]; where either is negative the
// pixel is outside: it counts as zero and is not written. Points: sixteen channels each, `point_stride` floats apart, row
// by row.
struct TileTransform {
  // 3 or 5.
  int64_t taps;
  float* pixels;
  const int64_t *rows, *columns;
  float* points;
  int64_t point_stride;
  // Sixteen, added to every pixel of an output; null for none.
  const float* bias;
  // Whether pixels of an output below zero become zero; NaN stays NaN.
  bool rectify;
};

// Products of two panels: rows of sixteen sums.
//   output[r * 16 + i] = (accumulate ? output[r * 16 + i] : 0) + sum over p, j of left[p * left_stride + r * 16 + j]
//                        * right[(p * 16 + j) * 16 + i]    for r < rows, p < panels, j < 16
struct PanelRows {
  const float* left;
  int64_t left_stride;
  const float* right;
  int64_t panels, rows;
  float* output;
  bool accumulate;
};

// The same over the tiles of both:
//   output[r * output_stride + i] (+)= sum over t < tiles of left[t * 16 + r] * right[t * 16 + i]    for r < 16
struct PanelColumns {
  const float* left;
  const float* right;
  int64_t tiles;
  float* output;
  int64_t output_stride;
  bool accumulate;
};

struct TileKernels {
  // points = B^T pixels B, of points x points pixels.
  void (*input)(const TileTransform&);
  // points = A pixels A^T, of 4 x 4 pixels of a gradient.
  void (*gradient)(const TileTransform&);
  // pixels = A^T points A + bias, 4 x 4, rectified where asked.
  void (*output)(const TileTransform&);
  // points = G pixels G^T, of taps x taps weights.
  void (*weights)(const TileTransform&);
  // pixels = G^T points G, taps x taps.
  void (*weight_gradient)(const TileTransform&);
  void (*rows)(const PanelRows&);
  void (*columns)(const PanelColumns&);
};

extern const TileKernels tile_portable, tile_avx2, tile_avx512;

}  // namespace finepune::cpu
