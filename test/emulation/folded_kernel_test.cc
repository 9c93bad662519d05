#include "ops/cuda/folded_kernel.h"

#include "support.h"

namespace finepune::test {
namespace {

struct Shape {
  int64_t images;
  int32_t height, width, channels, stride, top, left, block_rows, block_columns, folded_channels;
};

// Those of the kernel for AlexNet's first layer, one of its sizes with more channels than a block fills, and others.
constexpr Shape kShapes[] = {{2, 23, 27, 3, 4, 0, 0, 6, 7, 48}, {1, 11, 9, 3, 4, 2, 1, 5, 4, 48},
                           {3, 8, 8, 3, 4, 8, 8, 6, 6, 48},   {2, 9, 9, 3, 4, 1, 0, 3, 3, 52},
                           {2, 7, 6, 1, 2, 1, 1, 4, 4, 4},    {1, 5, 5, 2, 3, 0, 1, 2, 2, 24},
                           {1, 3, 40, 5, 1, 0, 0, 3, 40, 8}};

float pixel_at(const Shape& shape, const std::vector<float>& pixels, int64_t image, int y, int x, int c) {
  if (y < 0 || y >= shape.height || x < 0 || x >= shape.width) return 0;
  return pixels[static_cast<size_t>(((image * shape.height + y) * shape.width + x) * shape.channels + c)];
}

template <typename T>
std::vector<T> folded(const Shape& shape, const std::vector<float>& pixels) {
  std::vector<T> result;
  for (int64_t image = 0; image < shape.images; ++image) {
    for (int row = 0; row < shape.block_rows; ++row) {
      for (int column = 0; column < shape.block_columns; ++column) {
        const size_t end = result.size() + static_cast<size_t>(shape.folded_channels);
        for (int i = 0; i < shape.stride * shape.stride * shape.channels; ++i) {
          const int y = row * shape.stride - shape.top + i / shape.channels / shape.stride;
          const int x = column * shape.stride - shape.left + i / shape.channels % shape.stride;
          result.push_back(stored<T>(pixel_at(shape, pixels, image, y, x, i % shape.channels)));
        }
        result.resize(end, stored<T>(0.0f));
      }
    }
  }
  return result;
}

template <typename T>
void check_fold(const Shape& shape) {
  std::mt19937 generator(11);
  const std::vector<float> pixels = random_values(generator, shape.images * shape.height * shape.width * shape.channels);
  const std::vector<T> expected = folded<T>(shape, pixels);
  emulation::for_each_schedule([&] {
    Memory<float> from(pixels);
    Memory<T> to(expected.size());
    cuda::launch_fold({from.data(), to.data(), element_of<T>, shape.images, shape.height, shape.width, shape.channels,
                       shape.stride, shape.top, shape.left, shape.block_rows, shape.block_columns, shape.folded_channels},
                      nullptr);
    CHECK(same_bits(to.values(), expected));
  });
}

}  // namespace

TEST("emulated folding: blocks of pixels become channels, with zeros outside the image and behind the block") {
  for (const Shape& shape : kShapes) {
    check_fold<float>(shape);
    check_fold<__nv_bfloat16>(shape);
  }
}

}  // namespace finepune::test
