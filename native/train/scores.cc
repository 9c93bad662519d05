#include "train/scores.h"

#include <algorithm>
#include <cmath>

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
    for (int64_t c = 0; c < classes; ++c) {
      total += std::exp(static_cast<double>(row[c]) - static_cast<double>(row[best]));
      if (row[c] > row[label] || (row[c] == row[label] && c < label)) ++ahead;
    }
    scores.loss += std::log(total) - (static_cast<double>(row[label]) - static_cast<double>(row[best]));
    scores.top1 += best == label ? 1 : 0;
    scores.top5 += ahead < 5 ? 1 : 0;
    scores.predicted.push_back(static_cast<int32_t>(best));
  }
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
