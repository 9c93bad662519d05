#include "check.h"
#include "nn/local_response_normalization.h"
#include "nn_support.h"

namespace finepune::test {
namespace {

// The formula of local_response_kernel.h read aloud, in double.
at::Tensor naive(const at::Tensor& images, const LocalResponse& rule) {
  const auto x = images.to(at::kDouble).contiguous();
  auto y = at::empty_like(x);
  const auto in = x.accessor<double, 4>();
  auto out = y.accessor<double, 4>();
  for (int64_t n = 0; n < x.size(0); ++n)
    for (int64_t c = 0; c < x.size(1); ++c)
      for (int64_t h = 0; h < x.size(2); ++h)
        for (int64_t w = 0; w < x.size(3); ++w) {
          double sum = 0;
          for (int64_t j = c - (rule.size - 1) / 2; j <= c + rule.size / 2; ++j) {
            if (j >= 0 && j < x.size(1)) sum += in[n][j][h][w] * in[n][j][h][w];
          }
          out[n][c][h][w] = in[n][c][h][w] * std::pow(rule.bias + rule.alpha / rule.size * sum, -rule.beta);
        }
  return y;
}

double weighted(const at::Tensor& values, const at::Tensor& weights) { return (values * weights).sum().item<double>(); }

const LocalResponse kRules[] = {
    {5, 1e-4f, 0.75f, 1.0f}, {5, 2.0f, 0.75f, 1.0f}, {4, 1.5f, 0.75f, 2.0f},
    {3, 1.0f, 0.5f, 1.0f},   {1, 1.0f, 0.6f, 1.0f},  {9, 3.0f, 1.2f, 0.7f},
};

TEST("LRN forward agrees with the formula in double, for odd, even and wide windows") {
  for (const LocalResponse& rule : kRules) {
    const auto x = random_tensor({2, 7, 3, 5}, 1) * 3;
    CHECK(relative_error(local_response_normalization(x, rule), naive(x, rule)) < 1e-6);
    const auto y = local_response_normalization(x.contiguous(at::MemoryFormat::ChannelsLast), rule);
    CHECK(y.is_contiguous(at::MemoryFormat::ChannelsLast));
    CHECK(relative_error(y, naive(x, rule)) < 1e-6);
  }
}

TEST("LRN backward agrees with central differences of the formula in double") {
  for (const LocalResponse& rule : kRules) {
    const auto x = (random_tensor({1, 6, 2, 2}, 2) * 2).contiguous(at::MemoryFormat::ChannelsLast);
    const auto weights = random_tensor({1, 6, 2, 2}, 3, at::kDouble);
    auto leaf = x.clone().requires_grad_(true);
    (local_response_normalization(leaf, rule) * weights.to(at::kFloat)).sum().backward();
    const auto center = x.to(at::kDouble).contiguous();
    auto expected = at::empty_like(center);
    const double step = 1e-5;
    for (int64_t i = 0; i < center.numel(); ++i) {
      auto above = center.clone(), below = center.clone();
      above.view(-1)[i] += step;
      below.view(-1)[i] -= step;
      expected.view(-1)[i] =
          (weighted(naive(above, rule), weights) - weighted(naive(below, rule), weights)) / (2 * step);
    }
    CHECK(relative_error(leaf.grad(), expected) < 2e-6);
  }
}

TEST("LRN keeps bfloat16 and computes in float32") {
  const auto x = (random_tensor({2, 8, 3, 3}, 4) * 4).to(at::kBFloat16).contiguous(at::MemoryFormat::ChannelsLast);
  const auto y = local_response_normalization(x, kRules[1]);
  CHECK(y.scalar_type() == at::kBFloat16);
  CHECK(relative_error(y, naive(x, kRules[1])) < 4e-3);
}

}  // namespace
}  // namespace finepune::test
