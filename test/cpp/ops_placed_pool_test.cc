// Maximum pooling with places, on every instruction set, against libtorch's rectifier and pooling.
#include <limits>

#include <ATen/Parallel.h>

#include "check.h"
#include "nn_support.h"
#include "ops/placed_pool.h"

namespace finepune::test {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// libtorch's: the same padding on both sides.
struct Pool {
  int32_t kernel[2], stride[2], padding[2];
  bool ceil_mode;
};

constexpr Pool kPools[] = {
    {{3, 3}, {2, 2}, {0, 0}, false}, {{3, 3}, {2, 2}, {0, 0}, true}, {{3, 3}, {2, 2}, {1, 1}, false},
    {{2, 2}, {2, 2}, {0, 0}, false}, {{3, 2}, {1, 3}, {1, 0}, true}, {{1, 1}, {3, 3}, {0, 0}, false},
    {{5, 4}, {2, 1}, {2, 2}, false}, {{9, 8}, {1, 1}, {0, 0}, false},
};

constexpr int64_t kImages = 3, kHeight = 9, kWidth = 8;

struct Setup {
  at::Tensor values;
  // libtorch's, with the graph behind it.
  at::Tensor learned, expected;
  PoolGrid grid;

  Setup(const Pool& pool, const at::Tensor& given, bool rectify)
      : values(given.contiguous(at::MemoryFormat::ChannelsLast)), learned(values.clone().requires_grad_(true)) {
    expected = at::max_pool2d(rectify ? at::relu(learned) : learned, {pool.kernel[0], pool.kernel[1]},
                              {pool.stride[0], pool.stride[1]}, {pool.padding[0], pool.padding[1]}, 1, pool.ceil_mode);
    const auto size = [&](int64_t side) { return static_cast<int32_t>(expected.size(side)); };
    grid = {static_cast<int32_t>(values.size(2)),
            static_cast<int32_t>(values.size(3)),
            size(2),
            size(3),
            pool.kernel[0],
            pool.kernel[1],
            pool.stride[0],
            pool.stride[1],
            pool.padding[0],
            pool.padding[1]};
  }
};

// Few values, so that windows have several largest ones and many zeros.
at::Tensor coarse_values(int64_t channels, uint64_t seed) {
  return at::round(random_tensor({kImages, channels, kHeight, kWidth}, seed) * 4);
}

template <typename Visit>
void for_each_kernels(const Visit& visit) {
  int count = 0;
  const cpu::DirectKernels* const* kernels = cpu::direct_kernels(&count);
  for (int i = 0; i < count; ++i) visit(*kernels[i]);
}

}  // namespace

TEST("placed pooling has the bits of libtorch's rectifier and pooling, and so has its gradient, on every CPU") {
  for_each_kernels([](const cpu::DirectKernels& kernels) {
    for (const Pool& pool : kPools) {
      for (const bool rectify : {true, false}) {
        const Setup setup(pool, coarse_values(48, 3), rectify);
        const PooledSums pooled = placed_pool(setup.values, rectify, setup.grid, kernels);
        CHECK(at::equal(pooled.values, setup.expected.detach()));
        const at::Tensor gradient =
            random_tensor(setup.expected.sizes(), 5).contiguous(at::MemoryFormat::ChannelsLast);
        setup.expected.backward(gradient);
        CHECK(at::equal(placed_pool_backward(gradient, pooled.places, setup.grid, kernels), setup.learned.grad()));
      }
    }
  });
}

TEST("placed pooling lets a NaN through, also where it is not the first cell, and gives it the gradient") {
  for_each_kernels([](const cpu::DirectKernels& kernels) {
    at::Tensor values = coarse_values(16, 4);
    values[0][2][4][4] = kNaN;
    values[1][15][0][0] = kNaN;
    values[2][7].fill_(-std::numeric_limits<float>::infinity());
    for (const bool rectify : {true, false}) {
      const Setup setup(kPools[2], values, rectify);
      const PooledSums pooled = placed_pool(setup.values, rectify, setup.grid, kernels);
      CHECK(at::equal(at::isnan(pooled.values), at::isnan(setup.expected.detach())));
      CHECK(at::equal(at::nan_to_num(pooled.values), at::nan_to_num(setup.expected.detach())));
      const at::Tensor gradient = at::ones_like(pooled.values);
      setup.expected.backward(gradient);
      CHECK(at::equal(placed_pool_backward(gradient, pooled.places, setup.grid, kernels), setup.learned.grad()));
    }
  });
}

TEST("placed pooling takes float32 on the CPU and whole vectors of channels alone") {
  for_each_kernels([](const cpu::DirectKernels& kernels) {
    const auto values = [](int64_t channels, at::ScalarType type) { return at::zeros({1, channels, 2, 2}, type); };
    CHECK(has_placed_pool(values(3 * kernels.lanes, at::kFloat), kernels));
    CHECK(!has_placed_pool(values(3 * kernels.lanes + 1, at::kFloat), kernels));
    CHECK(!has_placed_pool(values(kernels.lanes, at::kBFloat16), kernels));
  });
}

TEST("placed pooling gives the same bits with any number of threads, and takes no images") {
  const int threads = at::get_num_threads();
  const Setup setup(kPools[0], random_tensor({kImages, 32, kHeight, kWidth}, 8), true);
  int count = 0;
  const cpu::DirectKernels& kernels = *cpu::direct_kernels(&count)[0];
  const at::Tensor gradient = random_tensor(setup.expected.sizes(), 9).contiguous(at::MemoryFormat::ChannelsLast);
  at::Tensor values, gradients;
  for (const int number : {1, 2, 3}) {
    at::set_num_threads(number);
    const PooledSums pooled = placed_pool(setup.values, true, setup.grid, kernels);
    const at::Tensor by_values = placed_pool_backward(gradient, pooled.places, setup.grid, kernels);
    CHECK(!values.defined() || (at::equal(pooled.values, values) && at::equal(by_values, gradients)));
    values = pooled.values;
    gradients = by_values;
  }
  at::set_num_threads(threads);
  CHECK(placed_pool(setup.values.slice(0, 0, 0), true, setup.grid, kernels).values.size(0) == 0);
}

}  // namespace finepune::test
