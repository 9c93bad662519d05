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

}  // namespace finepune::test
