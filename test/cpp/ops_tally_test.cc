#include "ops/tally.h"

#include <limits>

#include <ATen/ATen.h>

#include "check.h"
#include "devices.h"
#include "nn_support.h"

namespace finepune::test {

TEST_ON_DEVICES("a step's loss and hits are written down, the first of equal logits counts, and a NaN stops what follows") {
  if (device.is_cpu()) throw Skipped("a CPU looks at each step at once");
  const auto options = at::TensorOptions().device(device);
  for (const int64_t classes : {1, 3, 32, 1000}) {
    const Tally tally{at::zeros({3}, options.dtype(at::kFloat)), at::zeros({3}, options.dtype(at::kLong)),
                      at::ones({}, options.dtype(at::kBool))};
    at::Tensor logits = random_tensor({77, classes}, 5);
    // Rows of equal logits: their class is the first.
    logits.narrow(0, 0, 5).fill_(1);
    const at::Tensor labels = at::arange(77, at::kLong).remainder(classes);
    const int64_t hits = logits.argmax(1).eq(labels).sum().item<int64_t>();
    const auto write = [&](double loss, int64_t index) {
      tally_step(at::full({}, loss, options.dtype(at::kFloat)), logits.to(device), labels.to(device), index, tally);
    };
    write(0.25, 1);
    CHECK(tally.proceed.item<bool>());
    CHECK_EQUAL(tally.rights[1].item<int64_t>(), hits);
    CHECK(tally.losses[1].item<float>() == 0.25f);
    CHECK(tally.losses[0].item<float>() == 0);
    write(std::numeric_limits<double>::quiet_NaN(), 2);
    write(0.5, 0);
    CHECK(!tally.proceed.item<bool>());
  }
}

}  // namespace finepune::test
