// Whether a forward pass reads numbers alone. libtorch's fused rectifier makes zeros of NaN: a network whose weights
// have become NaN must not look like one that learned.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "network.h"

namespace finepune {

class FiniteValues {
 public:
  FiniteValues(const at::Tensor& images, const std::vector<Parameter>& parameters)
      : images_(images), parameters_(parameters) {}

  // Whether the images and the first `count` parameters are finite. Each is read once; sums that overflow count as not.
  bool up_to(size_t count);

 private:
  const at::Tensor& images_;
  const std::vector<Parameter>& parameters_;
  bool started_ = false, finite_ = false;
  size_t read_ = 0;
};

}  // namespace finepune
