// The loss and its gradient, beside float64.
#include <limits>

#include "ops/cuda/cross_entropy_kernel.h"

#include "support.h"

namespace finepune::test {
namespace {

struct Scored {
  std::vector<float> losses, gradient;
};

Scored score(const std::vector<float>& logits, const std::vector<int64_t>& labels, float smoothing) {
  Memory<float> losses(labels.size()), gradient(logits.size());
  const auto images = static_cast<int64_t>(labels.size()), classes = static_cast<int64_t>(logits.size()) / images;
  cuda::launch_cross_entropy(
      {logits.data(), labels.data(), images, classes, smoothing, losses.data(), gradient.data()}, nullptr);
  return {losses.values(), gradient.values()};
}

void check_scores(int64_t images, int64_t classes, double smoothing) {
  std::vector<float> logits(static_cast<size_t>(images * classes));
  std::vector<int64_t> labels;
  for (size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(i * 37 % 101) / 7.0f - 60.0f;
  for (int64_t n = 0; n < images; ++n) labels.push_back(n * 5 % classes);
  emulation::for_each_schedule([&] {
    const Scored scored = score(logits, labels, static_cast<float>(smoothing));
    for (int64_t n = 0; n < images; ++n) {
      double sum = 0, loss = 0;
      for (int64_t c = 0; c < classes; ++c) sum += std::exp(double{logits[n * classes + c]});
      for (int64_t c = 0; c < classes; ++c) {
        const double logarithm = logits[n * classes + c] - std::log(sum);
        const double target = smoothing / classes + (c == labels[n] ? 1 - smoothing : 0);
        loss -= target * logarithm;
        CHECK_NEAR(scored.gradient[n * classes + c], (std::exp(logarithm) - target) / images, 1e-6);
      }
      CHECK_NEAR(scored.losses[n], loss / images, 1e-5);
    }
  });
}

TEST("emulated cross entropy: loss and gradient as in float64, of few classes and many, with smoothed labels") {
  for (const int64_t classes : {1, 21, 32, 100}) {
    for (const int64_t images : {1, 4, 7}) {
      check_scores(images, classes, 0);
      check_scores(images, classes, 0.1);
    }
  }
}

TEST("emulated cross entropy: a logit that is not finite gives a loss that is not, of its image alone") {
  for (const float value : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    const Scored scored = score({0, 1, 2, 0, value, 2, 1, 1, 1}, {0, 0, 2}, 0);
    CHECK(std::isfinite(scored.losses[0]) && std::isfinite(scored.losses[2]));
    CHECK(!std::isfinite(scored.losses[1]));
    CHECK(!std::isfinite(scored.gradient[3]));
  }
}

}  // namespace
}  // namespace finepune::test
