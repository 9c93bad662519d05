#include "nn/max_pool.h"

#include <cmath>
#include <limits>

#include "check.h"
#include "ops/cpu/direct_choice.h"
#include "nn_support.h"

namespace finepune::test {
namespace {

struct Pool {
  std::vector<double> kernel, strides, pads;
  double ceil_mode, count_include_pad;
  // Expected height and width of the output for an 8 x 7 image.
  int64_t height, width;
};

// Worked by hand from the rule: a partly filled last window counts if it starts inside the image or its leading
// padding.
const Pool kPools[] = {
    {{3, 3}, {2, 2}, {0, 0, 0, 0}, 0, 0, 3, 3}, {{3, 3}, {2, 2}, {0, 0, 0, 0}, 1, 0, 4, 3},
    {{3, 3}, {2, 2}, {1, 1, 1, 1}, 0, 0, 4, 4}, {{3, 3}, {2, 2}, {1, 1, 1, 1}, 1, 1, 5, 4},
    {{2, 2}, {2, 2}, {1, 1, 1, 1}, 1, 0, 5, 4}, {{2, 3}, {3, 2}, {0, 1, 1, 0}, 0, 0, 3, 3},
    {{2, 3}, {3, 2}, {0, 1, 1, 0}, 1, 1, 3, 4}, {{3, 3}, {2, 2}, {2, 2, 2, 2}, 0, 1, 5, 5},
    {{1, 1}, {3, 3}, {0, 0, 0, 0}, 1, 0, 3, 3},
};

Network network(const char* op, const Pool& pool) {
  const Attributes attributes = {{"kernel_shape", pool.kernel},
                                 {"strides", pool.strides},
                                 {"pads", pool.pads},
                                 {"ceil_mode", {pool.ceil_mode}},
                                 {"count_include_pad", {pool.count_include_pad}}};
  return Network(flattened_graph({3, 8, 7}, {{"pool", op, {"input"}, attributes}}, 3 * pool.height * pool.width),
                 at::kCPU);
}

at::Tensor naive(const at::Tensor& images, const Pool& pool, bool maximum) {
  const auto x = images.to(at::kDouble);
  auto y = at::empty({x.size(0), x.size(1), pool.height, pool.width}, x.options());
  for (int64_t n = 0; n < x.size(0); ++n)
    for (int64_t c = 0; c < x.size(1); ++c)
      for (int64_t oh = 0; oh < pool.height; ++oh)
        for (int64_t ow = 0; ow < pool.width; ++ow) {
          double best = -std::numeric_limits<double>::infinity(), sum = 0, cells = 0;
          for (int64_t i = 0; i < pool.kernel[0]; ++i)
            for (int64_t j = 0; j < pool.kernel[1]; ++j) {
              const int64_t h = oh * pool.strides[0] - pool.pads[0] + i, w = ow * pool.strides[1] - pool.pads[1] + j;
              if (h >= x.size(2) + pool.pads[2] || w >= x.size(3) + pool.pads[3]) continue;
              const bool inside = h >= 0 && w >= 0 && h < x.size(2) && w < x.size(3);
              if (inside || pool.count_include_pad != 0) cells += 1;
              if (!inside) continue;
              const double value = x[n][c][h][w].item<double>();
              best = std::max(best, value);
              sum += value;
            }
          y[n][c][oh][ow] = maximum ? best : sum / cells;
        }
  return y.flatten(1);
}

TEST("MaxPool has Caffe's and PyTorch's windows, in floor and ceil mode, for any padding") {
  for (const Pool& pool : kPools) {
    // All negative: padding taken for zeros would win.
    const auto x = random_tensor({2, 3, 8, 7}, 5) - 2;
    CHECK(at::equal(network("MaxPool", pool).forward(x, {}).to(at::kDouble), naive(x, pool, true)));
  }
}

TEST("MaxPool of whole vectors of channels has the same windows on every instruction set, and lets NaN win") {
  int count = 0;
  const cpu::DirectKernels* const* kernels = cpu::direct_kernels(&count);
  for (const Pool& pool : kPools) {
    auto x = (random_tensor({3, 16, 8, 7}, 5) - 2).contiguous(at::MemoryFormat::ChannelsLast);
    const PoolWindows windows = read_pool_windows(network("MaxPool", pool).graph().nodes[0], {16, 8, 7});
    const at::Tensor expected = naive(x, pool, true);
    for (int i = 0; i < count; ++i) {
      CHECK(has_max_pool(x, *kernels[i]));
      CHECK(at::equal(max_pool(x, windows, *kernels[i]).to(at::kDouble).flatten(1), expected));
    }
    x.fill_(std::nanf(""));
    CHECK(max_pool(x, windows, *kernels[0]).isnan().all().item<bool>());
  }
  CHECK(!has_max_pool(random_tensor({1, 3, 8, 7}, 5), *kernels[0]));
}

TEST("AveragePool divides by the cells that count, with and without padding") {
  for (const Pool& pool : kPools) {
    const auto x = random_tensor({2, 3, 8, 7}, 6) + 1;
    CHECK(relative_error(network("AveragePool", pool).forward(x, {}), naive(x, pool, false)) < 1e-6);
  }
}

TEST("Pooling passes each output's gradient to its window") {
  for (const Pool& pool : kPools) {
    auto x = random_tensor({1, 3, 8, 7}, 7).requires_grad_(true);
    network("MaxPool", pool).forward(x, {}).sum().backward();
    CHECK_NEAR(x.grad().sum().item<double>(), 3.0 * pool.height * pool.width, 1e-4);
  }
}

TEST("GlobalAveragePool is the mean of each channel") {
  Network mean(flattened_graph({3, 8, 7}, {{"mean", "GlobalAveragePool", {"input"}, {}}}, 3), at::kCPU);
  const auto x = random_tensor({2, 3, 8, 7}, 8);
  CHECK(relative_error(mean.forward(x, {}), x.to(at::kDouble).mean({2, 3})) < 1e-6);
}

}  // namespace
}  // namespace finepune::test
