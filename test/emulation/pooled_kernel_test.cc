#include "ops/cuda/pooled_kernel.h"

#include <limits>

#include "support.h"

namespace finepune::test {
namespace {

constexpr int64_t kImages = 2;

// Height, width; output's; kernel's; strides; padding: those of the kernels for 3 x 3 by 2, with and without padding and
// with windows outside, and others.
constexpr PoolGrid kGrids[] = {
    {13, 13, 6, 6, 3, 3, 2, 2, 0, 0}, {8, 9, 4, 5, 3, 3, 2, 2, 1, 1}, {7, 5, 5, 4, 3, 3, 2, 2, 3, 2},
    {1, 1, 1, 1, 3, 3, 2, 2, 1, 1},   {8, 6, 4, 3, 2, 2, 2, 2, 0, 0}, {9, 7, 4, 4, 3, 2, 2, 2, 0, 1},
    {6, 6, 6, 6, 3, 3, 1, 1, 1, 1},   {5, 5, 2, 2, 1, 1, 3, 3, 0, 0}, {16, 16, 1, 1, 15, 17, 1, 1, 0, 0}};

// Calls call(cell, pixel) for the cells of window (image, y, x) that lie inside.
template <typename Call>
void for_each_cell(const PoolGrid& grid, int64_t image, int y, int x, const Call& call) {
  for (int i = 0; i < grid.kernel_height; ++i) {
    for (int j = 0; j < grid.kernel_width; ++j) {
      const int row = y * grid.stride_height - grid.pad_top + i, column = x * grid.stride_width - grid.pad_left + j;
      if (row < 0 || row >= grid.height || column < 0 || column >= grid.width) continue;
      call(i * grid.kernel_width + j, (image * grid.height + row) * grid.width + column);
    }
  }
}

// Calls call(image, y, x, window) for every window.
template <typename Call>
void for_each_window(const PoolGrid& grid, const Call& call) {
  int64_t window = 0;
  for (int64_t image = 0; image < kImages; ++image) {
    for (int y = 0; y < grid.output_height; ++y) {
      for (int x = 0; x < grid.output_width; ++x) call(image, y, x, window++);
    }
  }
}

template <typename T>
void check_pool(const PoolGrid& grid, int channels, bool has_bias, bool rectify) {
  std::mt19937 generator(9);
  const int64_t inputs = kImages * grid.height * grid.width, outputs = kImages * grid.output_height * grid.output_width;
  std::vector<T> sums;
  // Few values, so that some are equal.
  for (int64_t i = 0; i < inputs * channels; ++i) sums.push_back(stored<T>(static_cast<float>(generator() % 9) - 4.5f));
  sums[0] = stored<T>(std::nanf(""));
  const std::vector<float> bias = random_values(generator, channels);
  std::vector<T> values(static_cast<size_t>(outputs * channels));
  std::vector<uint8_t> places(values.size());
  for_each_window(grid, [&](int64_t image, int y, int x, int64_t window) {
    for (int c = 0; c < channels; ++c) {
      float best = -std::numeric_limits<float>::infinity();
      int place = 255;
      for_each_cell(grid, image, y, x, [&](int cell, int64_t pixel) {
        const float value = loaded(sums[static_cast<size_t>(pixel * channels + c)]);
        if (place == 255 || value > best || std::isnan(value)) best = value, place = cell;
      });
      if (has_bias) best += bias[static_cast<size_t>(c)];
      if (rectify && best <= 0) best = 0, place = 255;
      values[static_cast<size_t>(window * channels + c)] = stored<T>(best);
      places[static_cast<size_t>(window * channels + c)] = static_cast<uint8_t>(place);
    }
  });
  emulation::for_each_schedule([&] {
    Memory<T> from(sums), to(values.size());
    Memory<float> shifts(bias);
    Memory<uint8_t> found(places.size());
    cuda::launch_pool({element_of<T>, kImages, channels}, grid, from.data(), has_bias ? shifts.data() : nullptr, rectify,
                      to.data(), found.data(), nullptr);
    CHECK(same_bits(to.values(), values));
    CHECK(found.values() == places);
  });
}

template <typename T>
void check_backward(const PoolGrid& grid, int channels) {
  std::mt19937 generator(10);
  const int64_t inputs = kImages * grid.height * grid.width, outputs = kImages * grid.output_height * grid.output_width;
  const std::vector<T> gradients = random_values<T>(generator, outputs * channels);
  std::vector<uint8_t> places(gradients.size(), 255);
  std::vector<float> sums(static_cast<size_t>(inputs * channels));
  // In the order of the windows, as the kernels add.
  for_each_window(grid, [&](int64_t image, int y, int x, int64_t window) {
    std::vector<std::pair<int, int64_t>> cells;
    for_each_cell(grid, image, y, x, [&](int cell, int64_t pixel) { cells.emplace_back(cell, pixel); });
    for (int c = 0; c < channels; ++c) {
      if (cells.empty() || generator() % 4 == 0) continue;
      const auto [cell, pixel] = cells[generator() % cells.size()];
      const auto i = static_cast<size_t>(window * channels + c);
      places[i] = static_cast<uint8_t>(cell);
      sums[static_cast<size_t>(pixel * channels + c)] += loaded(gradients[i]);
    }
  });
  std::vector<T> expected;
  for (const float sum : sums) expected.push_back(stored<T>(sum));
  emulation::for_each_schedule([&] {
    Memory<T> from(gradients), to(expected.size());
    Memory<uint8_t> found(places);
    cuda::launch_pool_backward({element_of<T>, kImages, channels}, grid, from.data(), found.data(), to.data(), nullptr);
    CHECK(same_bits(to.values(), expected));
  });
}

}  // namespace

TEST("emulated pooling: each window's largest value and its place, the first of equals and a NaN before all") {
  for (const PoolGrid& grid : kGrids) {
    for (const int channels : {3, 4, 8, 24}) {
      for (const bool rectify : {true, false}) {
        check_pool<float>(grid, channels, true, rectify);
        check_pool<__nv_bfloat16>(grid, channels, false, rectify);
      }
    }
  }
}

TEST("emulated pooling: gradients go back to the places that gave the values") {
  for (const PoolGrid& grid : kGrids) {
    for (const int channels : {3, 4, 8, 24}) {
      check_backward<float>(grid, channels);
      check_backward<__nv_bfloat16>(grid, channels);
    }
  }
}

}  // namespace finepune::test
