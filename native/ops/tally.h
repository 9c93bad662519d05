// What a training step reports, written down on a GPU without the host waiting.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace finepune {

// On the device of the network.
struct Tally {
  at::Tensor losses;   // float32 [steps]
  at::Tensor rights;   // int64 [steps]: images whose class got the largest logit, the first of equals
  at::Tensor proceed;  // bool []: becomes false with the first loss that is not finite
};

// Writes step number `index` down: `loss` float32 [], `logits` float32 [N, classes], contiguous, `labels` int64 [N]. Queued
// on the current stream of a CUDA device. Throws Error("E_DEVICE") where the launch is refused.
void tally_step(const at::Tensor& loss, const at::Tensor& logits, const at::Tensor& labels, int64_t index,
                const Tally& tally);

}  // namespace finepune
