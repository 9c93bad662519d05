// Linear layers and convolutions that hold their weights without the zeros: for inference.
#pragma once

#include <memory>

#include "nn/network.h"
#include "nn/operator.h"

namespace finepune {

// Its values are those of the operator it stands for; autograd does not pass.
class CompressedOperator : public Operator {
 public:
  using Operator::Operator;
  // Memory of the weights.
  virtual int64_t bytes() const = 0;
};

// What computes node number `node` of `network`, a Gemm or Conv, with the weights it has now, on the network's device;
// waits for that. Null where the weights or an image are too large for it.
std::unique_ptr<CompressedOperator> compress_operator(Network& network, size_t node);

}  // namespace finepune
