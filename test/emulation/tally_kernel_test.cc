#include "ops/cuda/tally_kernel.h"

#include <limits>

#include "support.h"

namespace finepune::test {

TEST("emulated tally: images whose label got the largest logit are counted, the first of equals") {
  std::mt19937 generator(5);
  for (const int64_t classes : {1, 2, 10, 32, 33, 100}) {
    for (const int64_t images : {1, 31, 32, 100}) {
      Memory<float> logits(static_cast<size_t>(images * classes));
      Memory<int64_t> labels(static_cast<size_t>(images));
      int64_t expected = 0;
      for (int64_t image = 0; image < images; ++image) {
        float* row = logits.data() + image * classes;
        // Few values, so that some are equal.
        for (int64_t c = 0; c < classes; ++c) row[c] = static_cast<float>(generator() % 7);
        const int64_t best = std::max_element(row, row + classes) - row;
        labels.data()[image] = image % 2 == 0 ? best : static_cast<int64_t>(generator() % static_cast<unsigned>(classes));
        expected += labels.data()[image] == best;
      }
      emulation::for_each_schedule([&] {
        const float loss = 1.5f;
        Memory<float> loss_out(1);
        Memory<int64_t> right_out(1);
        bool proceed = true;
        cuda::launch_tally({&loss, logits.data(), labels.data(), images, classes, loss_out.data(), right_out.data(), &proceed},
                           nullptr);
        CHECK_EQUAL(loss_out.values()[0], loss);
        CHECK_EQUAL(right_out.values()[0], expected);
        CHECK(proceed);
      });
    }
  }
}

TEST("emulated tally: a loss that is not finite ends the training, a finite one does not begin it again") {
  const float logit = 0.0f;
  const int64_t label = 0;
  bool proceed = true;
  for (const float loss : {1.0f, std::numeric_limits<float>::infinity(), 1.0f, std::nanf("")}) {
    float loss_out;
    int64_t right_out;
    const bool before = proceed;
    cuda::launch_tally({&loss, &logit, &label, 1, 1, &loss_out, &right_out, &proceed}, nullptr);
    CHECK_EQUAL(proceed, before && std::isfinite(loss));
  }
}

}  // namespace finepune::test
