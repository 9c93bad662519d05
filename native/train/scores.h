// Sums over a batch's logits that a report needs.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "train/batch_loader.h"

namespace finepune {

struct Scores {
  int64_t top1 = 0;
  int64_t top5 = 0;
  // Sum of the cross-entropies, natural logarithm; not finite once a logit is not.
  double loss = 0;
  std::vector<int32_t> predicted;
};

// Adds a batch: `logits` [N, classes] float32, one row an item. A tie goes to the lower class. Computed row by row in
// float64, so that a sum does not depend on threads.
void add_scores(const at::Tensor& logits, const std::vector<BatchItem>& items, Scores& scores);

// Number of rows whose largest logit is the item's label.
int64_t count_right(const at::Tensor& logits, const std::vector<BatchItem>& items);

}  // namespace finepune
