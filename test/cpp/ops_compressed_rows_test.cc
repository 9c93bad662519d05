// Matrices and convolutions without their zeros: coding, decoding, and products against float64.
#include <ATen/ATen.h>

#include "check.h"
#include "devices.h"
#include "nn_support.h"
#include "ops/compressed_convolution.h"
#include "ops/compressed_rows.h"

namespace finepune::test {
namespace {

at::Tensor sparse(at::IntArrayRef shape, double density, uint64_t seed) {
  return random_tensor(shape, seed) * at::lt(random_tensor(shape, seed + 100), 2 * density - 1);
}

void check_agrees(const at::Tensor& value, const at::Tensor& reference) {
  CHECK(value.sizes() == reference.sizes());
  const double scale = std::max(1.0, reference.abs().max().item<double>());
  CHECK_NEAR((value.cpu().to(at::kDouble) - reference).abs().max().item<double>() / scale, 0, 1e-5);
}

}  // namespace

TEST_ON_DEVICES("compressed rows hold every non-zero once, in order, and expand to the matrix they came from") {
  for (const auto& [rows, columns] :
       {std::pair<int64_t, int64_t>{1, 1}, {3, 31}, {9, 32}, {70, 33}, {257, 1000}, {0, 5}, {5, 0}}) {
    for (const double density : {0.0, 0.1, 1.0}) {
      const at::Tensor dense = sparse({rows, columns}, density, 1);
      const CompressedRows matrix = compress_rows(dense.to(device));
      const at::Tensor kept = at::nonzero(dense);
      CHECK(at::equal(matrix.places.cpu().to(at::kLong), kept.select(1, 1)));
      CHECK(at::equal(matrix.values.cpu(), dense.index({kept.select(1, 0), kept.select(1, 1)})));
      const at::Tensor counts = at::ne(dense, 0).sum(1);
      CHECK(at::equal(matrix.starts.cpu().to(at::kLong), at::cat({at::zeros({1}, at::kLong), counts.cumsum(0)})));
      CHECK(at::equal(expand_rows(matrix).cpu(), dense));
      CHECK_EQUAL(matrix.bytes(), 4 * (rows + 1) + 8 * kept.size(0));
    }
  }
}

TEST_ON_DEVICES("compressed rows keep NaN, infinities and subnormals, and take no zero of either sign") {
  const at::Tensor dense = at::tensor({0.0f, std::nanf(""), -0.0f, -INFINITY, 1e-45f, 0.0f}).view({2, 3});
  const CompressedRows matrix = compress_rows(dense.to(device));
  CHECK(at::equal(matrix.places.cpu(), at::tensor({1, 0, 1}, at::kInt)));
  CHECK(at::equal(matrix.starts.cpu(), at::tensor({0, 1, 3}, at::kInt)));
  CHECK(at::allclose(expand_rows(matrix).cpu(), dense, 0, 0, /*equal_nan=*/true));
}

TEST_ON_DEVICES("products with compressed rows agree with float64 for any number of images, with and without a bias") {
  for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>{1, 1}, {75, 301}, {8, 32}, {10, 4096}, {6, 0}}) {
    for (const double density : {0.0, 0.1, 1.0}) {
      const at::Tensor weight = sparse({rows, columns}, density, 2), bias = random_tensor({rows}, 3);
      const CompressedRows matrix = compress_rows(weight.to(device));
      for (const int64_t images : {0, 1, 2, 5, 8, 9, 33, 200}) {
        const at::Tensor input = random_tensor({images, columns}, 4);
        // Of memory in which a column's values lie together, too.
        const at::Tensor given = images % 2 == 0 ? input.to(device) : input.t().contiguous().to(device).t();
        const at::Tensor expected = at::mm(input.to(at::kDouble), weight.to(at::kDouble).t());
        if (images == 0) {
          CHECK(multiply_rows(matrix, given, std::nullopt).sizes() == expected.sizes());
          continue;
        }
        check_agrees(multiply_rows(matrix, given, std::nullopt), expected);
        check_agrees(multiply_rows(matrix, given, bias.to(device)), expected + bias.to(at::kDouble));
      }
    }
  }
}

TEST_ON_DEVICES("products of so many sums that a thread takes several agree with float64, and repeat to the last bit") {
  const at::Tensor weight = sparse({4200, 90}, 0.1, 5), input = random_tensor({300, 90}, 6);
  const CompressedRows matrix = compress_rows(weight.to(device));
  const at::Tensor output = multiply_rows(matrix, input.to(device), std::nullopt);
  check_agrees(output, at::mm(input.to(at::kDouble), weight.to(at::kDouble).t()));
  CHECK(at::equal(multiply_rows(matrix, input.to(device), std::nullopt), output));
}

TEST_ON_DEVICES(
    "compressed convolutions agree with float64 for any kernel, stride, dilation, group and number of images") {
  struct {
    int64_t out, in, height, width;
    std::array<int64_t, 2> kernel;
    PaddedConvolution shape;
  } const cases[] = {
      {7, 3, 9, 11, {3, 3}, {}},
      {16, 5, 13, 8, {1, 1}, {}},
      {8, 2, 23, 31, {11, 11}, {.strides = {4, 4}}},
      {12, 2, 9, 8, {3, 2}, {.strides = {2, 1}, .groups = 3}},
      {6, 1, 12, 12, {3, 3}, {.dilations = {2, 3}, .groups = 6}},
      {5, 4, 6, 6, {6, 6}, {}},
      {70, 8, 40, 40, {3, 3}, {}},
  };
  for (const auto& one : cases) {
    for (const double density : {0.0, 0.2, 1.0}) {
      const at::Tensor weight = sparse({one.out, one.in, one.kernel[0], one.kernel[1]}, density, 7);
      const at::Tensor bias = random_tensor({one.out}, 8);
      PaddedConvolution shape = one.shape;
      shape.height = one.height;
      shape.width = one.width;
      for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
        const CompressedConvolution convolution = compress_convolution(weight.to(device).contiguous(format), shape);
        for (const int64_t images : {1, 3, 11}) {
          const at::Tensor input = random_tensor({images, one.in * shape.groups, one.height, one.width}, 9);
          const at::Tensor expected =
              at::convolution(input.to(at::kDouble), weight.to(at::kDouble), bias.to(at::kDouble), shape.strides,
                              {0, 0}, shape.dilations, false, {0, 0}, shape.groups);
          const at::Tensor output = convolve(convolution, input.to(device).contiguous(format), bias.to(device));
          CHECK(output.is_contiguous(at::MemoryFormat::ChannelsLast));
          check_agrees(output, expected);
        }
      }
    }
  }
}

TEST_ON_DEVICES("what does not fit together is refused before any work") {
  const auto zeros = [&](at::IntArrayRef shape, at::ScalarType type = at::kFloat) {
    return at::zeros(shape, at::TensorOptions().dtype(type).device(device));
  };
  CHECK_THROWS(std::invalid_argument, "contiguous matrix", compress_rows(zeros({2, 3}).t()));
  CHECK_THROWS(std::invalid_argument, "contiguous matrix", compress_rows(zeros({6})));
  CHECK_THROWS(std::invalid_argument, "dtype", compress_rows(zeros({2, 3}, at::kDouble)));
  const CompressedRows matrix = compress_rows(zeros({2, 3}));
  CHECK_THROWS(std::invalid_argument, "input [N, columns]", multiply_rows(matrix, zeros({4, 2}), std::nullopt));
  CHECK_THROWS(std::invalid_argument, "bias [rows]", multiply_rows(matrix, zeros({4, 3}), zeros({3})));
  const at::Tensor weight = zeros({4, 2, 3, 3});
  CHECK_THROWS(std::invalid_argument, "fits in its padded image",
               compress_convolution(weight, {.height = 2, .width = 5}));
  CHECK_THROWS(std::invalid_argument, "weight [out",
               compress_convolution(weight, {.height = 5, .width = 5, .groups = 3}));
  CHECK_THROWS(std::invalid_argument, "fewer than 2^30",
               compress_convolution(weight, {.height = 1 << 15, .width = 1 << 14}));
  const CompressedConvolution convolution = compress_convolution(weight, {.height = 5, .width = 5});
  CHECK_THROWS(std::invalid_argument, "images [N, in", convolve(convolution, zeros({1, 2, 5, 6}), std::nullopt));
  CHECK_THROWS(std::invalid_argument, "bias [out]", convolve(convolution, zeros({1, 2, 5, 5}), zeros({2})));
}

}  // namespace finepune::test
