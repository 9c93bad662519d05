#include "train/scores.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <ATen/Functions.h>

#include "ops/error.h"

namespace finepune {

void add_scores(const at::Tensor& logits, const std::vector<BatchItem>& items, Scores& scores) {
  const at::Tensor rows = logits.contiguous();
  const int64_t classes = rows.size(1);
  const float* row = rows.const_data_ptr<float>();
  for (size_t i = 0; i < items.size(); ++i, row += classes) {
    const auto label = static_cast<int64_t>(items[i].label);
    const auto best = std::max_element(row, row + classes) - row;
    double total = 0;
    int64_t ahead = 0;
    bool finite = true;
    for (int64_t c = 0; c < classes; ++c) {
      finite = finite && std::isfinite(row[c]);
      total += std::exp(static_cast<double>(row[c]) - static_cast<double>(row[best]));
      if (row[c] > row[label] || (row[c] == row[label] && c < label)) ++ahead;
    }
    const double loss = std::log(total) - (static_cast<double>(row[label]) - static_cast<double>(row[best]));
    // A logit of minus infinity would leave it finite.
    scores.loss += finite ? loss : std::numeric_limits<double>::quiet_NaN();
    scores.top1 += best == label ? 1 : 0;
    scores.top5 += ahead < 5 ? 1 : 0;
    scores.predicted.push_back(static_cast<int32_t>(best));
  }
}

namespace {

// 256 MB of float32.
constexpr int64_t most_pending_values = int64_t{1} << 26;

}  // namespace

void EvaluationScores::add(const at::Tensor& logits, std::vector<BatchItem> items) {
  if (on_cpu_) return take(logits, items);
  pending_values_ += logits.numel();
  pending_.push_back({logits, std::move(items)});
  if (pending_values_ >= most_pending_values) fetch();
}

Scores EvaluationScores::finish() {
  if (!pending_.empty()) fetch();
  return std::move(scores_);
}

void EvaluationScores::take(const at::Tensor& logits, const std::vector<BatchItem>& items) {
  add_scores(logits, items, scores_);
  if (!std::isfinite(scores_.loss)) {
    throw Error("E_NUMERICS", "the network's outputs are not finite in batch " + std::to_string(batches_) +
                                  " of the evaluation; its weights are damaged");
  }
  ++batches_;
}

void EvaluationScores::fetch() {
  std::vector<at::Tensor> parts;
  for (const Pending& batch : pending_) parts.push_back(batch.logits);
  const at::Tensor rows = at::cat(parts).cpu();
  int64_t first = 0;
  for (const Pending& batch : pending_) {
    take(rows.narrow(0, first, batch.logits.size(0)), batch.items);
    first += batch.logits.size(0);
  }
  pending_.clear();
  pending_values_ = 0;
}

int64_t count_right(const at::Tensor& logits, const std::vector<BatchItem>& items) {
  const at::Tensor rows = logits.contiguous();
  const int64_t classes = rows.size(1);
  const float* row = rows.const_data_ptr<float>();
  int64_t right = 0;
  for (size_t i = 0; i < items.size(); ++i, row += classes) {
    right += std::max_element(row, row + classes) - row == items[i].label ? 1 : 0;
  }
  return right;
}

}  // namespace finepune
