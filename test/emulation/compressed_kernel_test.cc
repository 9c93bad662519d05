#include "ops/cuda/compressed_kernel.h"

#include "support.h"

namespace finepune::test {
namespace {

struct Rows {
  int32_t rows, columns;
  std::vector<float> dense;
  std::vector<int32_t> starts{0}, places;
  std::vector<float> values;

  Rows(int32_t row_count, int32_t column_count) : rows(row_count), columns(column_count) {
    std::mt19937 generator(13);
    dense = random_values(generator, int64_t{rows} * columns);
    for (size_t i = 0; i < dense.size(); ++i) {
      // One row without entries, and a zero that is negative.
      if (generator() % 3 != 0 || i / static_cast<size_t>(columns) == 1) dense[i] = i % 2 == 0 ? 0.0f : -0.0f;
    }
    for (int32_t row = 0; row < rows; ++row) {
      for (int32_t column = 0; column < columns; ++column) {
        const float value = dense[static_cast<size_t>(row * columns + column)];
        if (value == 0.0f) continue;
        places.push_back(column);
        values.push_back(value);
      }
      starts.push_back(static_cast<int32_t>(places.size()));
    }
  }

  cuda::CompressedMatrix matrix() const { return {rows, columns, starts.data(), places.data(), values.data()}; }
};

// Of a convolution by kernels of 1 x 1 over images whose pixels lie `columns` floats apart, and some more between rows.
PixelGrid grid_of(int64_t images, int64_t height, int64_t width, int64_t columns) {
  const int64_t row = width * columns + 3;
  return {images, height, width, height * row, row, columns, 1};
}

void check_product(const Rows& rows, const PixelGrid& grid, bool has_bias) {
  std::mt19937 generator(14);
  const std::vector<float> input =
      random_values(generator, grid.images * grid.image_step + grid.place_step * rows.columns);
  const std::vector<float> bias = random_values(generator, rows.rows);
  const int64_t pixels = grid.images * grid.height * grid.width;
  std::vector<float> result;
  emulation::for_each_schedule([&] {
    Memory<float> from(input), shifts(bias), to(static_cast<size_t>(pixels * rows.rows));
    cuda::launch_sum_pixels(rows.matrix(), grid, from.data(), has_bias ? shifts.data() : nullptr, to.data(), nullptr);
    if (result.empty()) result = to.values();
    CHECK(same_bits(to.values(), result));
  });
  for (int64_t pixel = 0; pixel < pixels; ++pixel) {
    const int64_t at = pixel / grid.width / grid.height * grid.image_step +
                       pixel / grid.width % grid.height * grid.row_step + pixel % grid.width * grid.column_step;
    for (int32_t row = 0; row < rows.rows; ++row) {
      double sum = has_bias ? static_cast<double>(bias[static_cast<size_t>(row)]) : 0.0, size = std::abs(sum);
      for (int32_t column = 0; column < rows.columns; ++column) {
        const double product = static_cast<double>(rows.dense[static_cast<size_t>(row * rows.columns + column)]) *
                               static_cast<double>(input[static_cast<size_t>(at + column * grid.place_step)]);
        sum += product;
        size += std::abs(product);
      }
      CHECK_NEAR(result[static_cast<size_t>(pixel * rows.rows + row)], sum, 1e-6 * size);
    }
  }
}

}  // namespace

TEST("emulated compressed rows: non-zeros are counted, moved together and put back") {
  for (const auto& [row_count, column_count] : {std::pair{1, 1}, {3, 32}, {9, 33}, {17, 100}, {20, 7}}) {
    const Rows rows(row_count, column_count);
    emulation::for_each_schedule([&] {
      Memory<float> dense(rows.dense), values(rows.values.size());
      Memory<int32_t> counts(static_cast<size_t>(rows.rows)), places(rows.places.size());
      cuda::launch_count(dense.data(), rows.rows, rows.columns, counts.data(), nullptr);
      const std::vector<int32_t> counted = counts.values();
      for (size_t i = 0; i < counted.size(); ++i) CHECK_EQUAL(counted[i], rows.starts[i + 1] - rows.starts[i]);
      cuda::launch_compress(dense.data(), rows.rows, rows.columns, rows.starts.data(), places.data(), values.data(), nullptr);
      CHECK(places.values() == rows.places);
      CHECK(same_bits(values.values(), rows.values));
      Memory<float> expanded(std::vector<float>(rows.dense.size(), 0.0f));
      cuda::launch_expand(rows.matrix(), expanded.data(), nullptr);
      CHECK(expanded.values() == rows.dense);
    });
  }
}

TEST("emulated compressed rows: products with one pixel, a few and many") {
  const Rows rows(21, 70);
  for (const bool has_bias : {true, false}) {
    check_product(rows, grid_of(1, 1, 1, 70), has_bias);
    check_product(rows, grid_of(7, 1, 1, 70), has_bias);
    check_product(rows, grid_of(2, 2, 2, 70), has_bias);
    check_product(rows, grid_of(3, 5, 7, 70), has_bias);
    // Images and rows of pixels that lie apart by channels, as in a matrix of another order.
    check_product(rows, {2, 3, 15, 70 * 50, 16, 1, 50}, has_bias);
  }
}

TEST("emulated compressed rows: products with so many pixels that a lane computes four") {
  check_product(Rows(8, 3), grid_of(1, 257, 511, 3), true);
}

}  // namespace finepune::test
