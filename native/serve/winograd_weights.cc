#include "serve/winograd_weights.h"

namespace finepune::serve {

namespace {

// G of F(4, 3) at the points 0, 1, -1, 2, -2 and infinity: Lavin and Gray, "Fast Algorithms for Convolutional Neural
// Networks", CVPR 2016, equation 15.
constexpr double kTransform[kWinogradPoints][kWinogradTaps] = {
    {1.0 / 4, 0, 0},
    {-1.0 / 6, -1.0 / 6, -1.0 / 6},
    {-1.0 / 6, 1.0 / 6, -1.0 / 6},
    {1.0 / 24, 1.0 / 12, 1.0 / 6},
    {1.0 / 24, -1.0 / 12, 1.0 / 6},
    {0, 0, 1},
};

}  // namespace

WinogradWeights WinogradWeights::of(std::span<const float> direct, int64_t taps, std::span<const RowBlock> blocks,
                                    int64_t channels) {
  const int64_t width = taps / kWinogradTaps;
  const int64_t point_floats = static_cast<int64_t>(direct.size()) / kWinogradTaps;
  WinogradWeights weights;
  weights.packed = AlignedFloats(point_floats * kWinogradPoints);
  for (const RowBlock& block : blocks) {
    const int64_t line = width * block.rows;
    for (int64_t c = 0; c < channels; ++c) {
      const float* from = direct.data() + block.offset + c * taps * block.rows;
      float* to = weights.packed.data() + block.offset / kWinogradTaps + c * line;
      for (int64_t point = 0; point < kWinogradPoints; ++point) {
        for (int64_t i = 0; i < line; ++i) {
          double sum = 0;
          for (int64_t tap = 0; tap < kWinogradTaps; ++tap) sum += kTransform[point][tap] * from[tap * line + i];
          to[point * point_floats + i] = static_cast<float>(sum);
        }
      }
    }
  }
  return weights;
}

}  // namespace finepune::serve
