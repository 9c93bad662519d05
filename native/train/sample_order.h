// The order in which training sees its samples.
#pragma once

#include <cstdint>
#include <vector>

namespace finepune {

// Training runs through one endless list of positions 0, 1, 2, ...: step s with batches of B takes positions
// s * B .. s * B + B - 1, across the ends of epochs. Position p is sample permutation(seed, p / n)[p % n].
// Not thread-safe: one a thread.
class SampleOrder {
 public:
  // `samples` from 1 to 2^32 - 1.
  SampleOrder(uint64_t seed, int64_t samples) : seed_(seed), samples_(samples) {}

  // Index into the sample list; `position` is 0 or more.
  uint32_t sample(int64_t position);

 private:
  uint64_t seed_;
  int64_t samples_;
  int64_t epoch_ = -1;
  std::vector<uint32_t> permutation_;
};

}  // namespace finepune
