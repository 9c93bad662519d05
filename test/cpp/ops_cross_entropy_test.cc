#include "ops/cross_entropy.h"

#include <ATen/ATen.h>

#include "check.h"
#include "devices.h"
#include "nn_support.h"

namespace finepune::test {

TEST_ON_DEVICES("the loss on a GPU and its gradient are those of a double reference") {
  if (device.is_cpu()) throw Skipped("on a CPU the loss is libtorch's");
  for (const int64_t classes : {1, 21, 1000}) {
    for (const double smoothing : {0.0, 0.1}) {
      const at::Tensor logits = 20 * random_tensor({130, classes}, 1);
      const at::Tensor labels = at::arange(130, at::kLong).remainder(classes);
      const at::Tensor exact = logits.to(at::kDouble).requires_grad_();
      const at::Tensor loss = at::cross_entropy_loss(exact, labels, {}, at::Reduction::Mean, -100, smoothing);
      loss.backward();
      const ScoredLogits scored = cross_entropy(logits.to(device), labels.to(device), smoothing);
      CHECK(scored.loss.dim() == 0);
      CHECK_NEAR(scored.loss.item<float>(), loss.item<double>(), 1e-5);
      CHECK((scored.gradient.cpu().to(at::kDouble) - exact.grad()).abs().max().item<double>() < 1e-7);
    }
  }
}

}  // namespace finepune::test
