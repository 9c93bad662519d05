#include "serve/winograd_weights.h"

#include <array>
#include <vector>

namespace finepune::serve {

namespace {

using Transform = std::vector<std::vector<double>>;

// G: a row a point and a column a tap, Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016,
// equation 15. At point a the powers of a, divided by the product of its distances to the other points; 0 is divided by
// what B^T (native/ops/cpu/direct_body.inc) leaves of that product, and infinity takes the last tap.
Transform transform_of(int64_t tap_rows) {
  struct Point {
    double value, divisor;
  };
  static const std::vector<Point> three = {{0, 4}, {1, -6}, {-1, -6}, {2, 24}, {-2, 24}};
  static const std::vector<Point> five = {{0, 1},   {1, -4.5},         {-1, -4.5},        {2, 90},
                                          {-2, 90}, {0.5, 45.0 / 32}, {-0.5, 45.0 / 32}};
  Transform transform;
  for (const auto& [value, divisor] : tap_rows == 3 ? three : five) {
    std::vector<double>& row = transform.emplace_back();
    double power = 1;
    for (int64_t tap = 0; tap < tap_rows; ++tap, power *= value) row.push_back(power / divisor);
  }
  std::vector<double>& infinity = transform.emplace_back(static_cast<size_t>(tap_rows), 0.0);
  infinity.back() = 1;
  return transform;
}

}  // namespace

WinogradWeights WinogradWeights::of(std::span<const float> direct, int64_t taps, int64_t tap_rows,
                                    std::span<const RowBlock> blocks, int64_t channels) {
  const Transform transform = transform_of(tap_rows);
  const int64_t width = taps / tap_rows;
  const int64_t point_floats = static_cast<int64_t>(direct.size()) / tap_rows;
  WinogradWeights weights;
  weights.points = winograd_points(tap_rows);
  weights.packed = AlignedFloats(point_floats * weights.points);
  for (const RowBlock& block : blocks) {
    const int64_t line = width * block.rows;
    for (int64_t c = 0; c < channels; ++c) {
      const float* from = direct.data() + block.offset + c * taps * block.rows;
      float* to = weights.packed.data() + block.offset / tap_rows + c * line;
      for (const std::vector<double>& point : transform) {
        for (int64_t i = 0; i < line; ++i) {
          double sum = 0;
          for (int64_t tap = 0; tap < tap_rows; ++tap) sum += point[static_cast<size_t>(tap)] * from[tap * line + i];
          to[i] = static_cast<float>(sum);
        }
        to += point_floats;
      }
    }
  }
  return weights;
}

}  // namespace finepune::serve
