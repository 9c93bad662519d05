#include <cmath>

#include <ATen/ATen.h>

#include "check.h"
#include "devices.h"
#include "ops/clip_scale.h"

namespace finepune::test {

TEST_ON_DEVICES("gradients are clipped by their norm over all layers, and left alone below it") {
  at::manual_seed(5);
  std::vector<at::Tensor> gradients;
  double squares = 0;
  for (const int64_t size : {1, 7, 30000}) {
    const at::Tensor gradient = at::randn({size});
    squares += gradient.to(at::kDouble).square().sum().item<double>();
    gradients.push_back(gradient.to(device));
  }
  const double norm = std::sqrt(squares);
  const at::Tensor scale = clip_scale(gradients, norm / 4);
  CHECK(scale.device() == device && scale.scalar_type() == at::kFloat);
  CHECK_NEAR(scale.item<float>(), 0.25, 1e-5);
  CHECK_EQUAL(clip_scale(gradients, 2 * norm).item<float>(), 1.0f);
}

TEST_ON_DEVICES("a sum of squares that rounding left below 0 clips nothing, and one of NaN is no number") {
  const auto sum_of = [&](double squares) {
    return at::scalar_tensor(squares, at::TensorOptions().dtype(at::kDouble).device(device));
  };
  // On a CPU clip_scale computes it otherwise.
  using Scale = at::Tensor (*)(const at::Tensor& square_sum);
  const Scale scales[] = {[](const at::Tensor& square_sum) { return clip_scale({}, 2, square_sum); },
                          [](const at::Tensor& square_sum) { return scale_for_square_sum(square_sum, 2); }};
  for (const Scale scale : scales) {
    CHECK_EQUAL(scale(sum_of(-1e-9)).item<float>(), 1.0f);
    CHECK_EQUAL(scale(sum_of(0)).item<float>(), 1.0f);
    CHECK_NEAR(scale(sum_of(64)).item<float>(), 0.25, 1e-6);
    CHECK_EQUAL(scale(sum_of(INFINITY)).item<float>(), 0.0f);
    CHECK(std::isnan(scale(sum_of(NAN)).item<float>()));
  }
}

TEST_ON_DEVICES("a gradient that is no number makes the scale none, as in PyTorch") {
  const at::Tensor sound = at::ones({3}).to(device), broken = at::full({3}, std::nan("")).to(device);
  CHECK(std::isnan(clip_scale({sound, broken}, 1).item<float>()));
  CHECK_EQUAL(clip_scale({at::full({3}, INFINITY).to(device)}, 1).item<float>(), 0.0f);
}

}  // namespace finepune::test
