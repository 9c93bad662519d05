// Sums over a batch's logits that a report needs.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "train/batches.h"

namespace finepune {

struct Scores {
  int64_t top1 = 0;
  int64_t top5 = 0;
  // Sum of the cross-entropies, natural logarithm; not finite once a logit is not.
  double loss = 0;
  std::vector<int32_t> predicted;
};

// Adds a batch: `logits` [N, classes] float32 on the CPU, one row an item. A tie goes to the lower class. Computed row by row in
// float64, so that a sum does not depend on threads.
void add_scores(const at::Tensor& logits, const std::vector<BatchItem>& items, Scores& scores);

// A whole evaluation's scores. The logits of a GPU stay there until many are together, so that it is not waited for after
// every batch.
class EvaluationScores {
 public:
  explicit EvaluationScores(at::Device device) : on_cpu_(device.is_cpu()) {}

  // The next batch. Throws Error("E_NUMERICS") where the logits of this batch or an earlier one are known not to be
  // finite.
  void add(const at::Tensor& logits, std::vector<BatchItem> items);
  // Waits for all batches; throws as add does.
  Scores finish();

 private:
  void take(const at::Tensor& logits, const std::vector<BatchItem>& items);
  void fetch();

  bool on_cpu_;
  Scores scores_;
  int64_t batches_ = 0;
  struct Pending {
    at::Tensor logits;
    std::vector<BatchItem> items;
  };
  std::vector<Pending> pending_;
  int64_t pending_values_ = 0;
};

// Number of rows whose largest logit is the item's label; on the CPU.
int64_t count_right(const at::Tensor& logits, const std::vector<BatchItem>& items);

}  // namespace finepune
