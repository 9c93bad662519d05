// The running statistics of a network's BatchNormalizations, remembered and put back all at once.
#pragma once

#include <ATen/core/Tensor.h>

#include "nn/network.h"

namespace finepune {

bool is_running_statistic(const Parameter& parameter);

class RunningStatistics {
 public:
  // Moves them into one stretch of memory, so that a copy of all is one operation.
  explicit RunningStatistics(Network& network);

  // Remembers them as they are. Throws std::bad_alloc or c10::Error, and nothing has changed then.
  void save();
  // As save, which was called before; where `proceed`, a bool on a GPU, is defined only if it is true, and nothing waits for it.
  void save_if(const at::Tensor& proceed);
  // Puts back what was remembered last, if anything, and forgets it.
  void restore();
  void forget() { saved_.reset(); }

 private:
  // Undefined where there are none.
  at::Tensor all_;
  at::Tensor saved_;
};

}  // namespace finepune
