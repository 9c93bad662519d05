#include "train/sample_order.h"

#include <cstddef>
#include <numeric>
#include <utility>

#include "train/random.h"

namespace finepune {

uint32_t SampleOrder::sample(int64_t position) {
  const int64_t epoch = position / samples_;
  if (epoch != epoch_) {
    permutation_.resize(static_cast<size_t>(samples_));
    std::iota(permutation_.begin(), permutation_.end(), 0u);
    Random random(seed_, Purpose::order, static_cast<uint64_t>(epoch));
    // Fisher-Yates.
    for (size_t i = permutation_.size() - 1; i > 0; --i) {
      std::swap(permutation_[i], permutation_[random.below(static_cast<uint32_t>(i + 1))]);
    }
    epoch_ = epoch;
  }
  return permutation_[static_cast<size_t>(position % samples_)];
}

}  // namespace finepune
