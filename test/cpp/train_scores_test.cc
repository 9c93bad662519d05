#include <cmath>

#include <ATen/ATen.h>

#include "check.h"
#include "train/scores.h"

namespace finepune::test {

TEST("the loss of scores is not finite once a logit is not, of whatever class") {
  for (const float value : {-INFINITY, INFINITY, std::nanf("")}) {
    for (int64_t c = 0; c < 3; ++c) {
      at::Tensor logits = at::zeros({1, 3});
      logits[0][c] = value;
      Scores scores;
      add_scores(logits, {{0, 1, {}}}, scores);
      CHECK(!std::isfinite(scores.loss));
    }
  }
  Scores scores;
  add_scores(at::zeros({1, 3}), {{0, 1, {}}}, scores);
  CHECK_NEAR(scores.loss, std::log(3.0), 1e-12);
}

}  // namespace finepune::test
