// An operator with two ways to compute its value, of which the number of images decides.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "nn/operator.h"

namespace finepune {

// Batch sizes in classes that share a choice: 1, 2 to 4, 5 to 16, 17 to 64 and so on; counted from 0.
inline size_t batch_class(int64_t images) {
  return static_cast<size_t>(std::bit_width(static_cast<uint64_t>(images - 1)) + 1) / 2;
}
inline int64_t largest_of_class(size_t number) { return int64_t{1} << 2 * number; }

class ByBatchSize final : public Operator {
 public:
  // The second operator computes batches of the classes for which `use_second`, which is not empty, says so; its last
  // entry is for larger batches, too.
  ByBatchSize(std::unique_ptr<Operator> first, std::unique_ptr<Operator> second, std::vector<bool> use_second)
      : Operator(first->output_shape()),
        first_(std::move(first)),
        second_(std::move(second)),
        use_second_(std::move(use_second)) {}

  at::Tensor forward(c10::ArrayRef<at::Tensor> inputs, const ForwardContext& context) override {
    const size_t number = std::min(batch_class(inputs[0].size(0)), use_second_.size() - 1);
    return (use_second_[number] ? second_ : first_)->forward(inputs, context);
  }

 private:
  std::unique_ptr<Operator> first_, second_;
  std::vector<bool> use_second_;
};

}  // namespace finepune
