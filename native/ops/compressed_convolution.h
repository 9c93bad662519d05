// Convolutions without the zeros of their weights; Park et al., "Faster CNNs with Direct Sparse Convolutions and Guided
// Pruning", ICLR 2017, section 2.1: each entry of a filter is multiplied with a shifted plane of the image.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include <ATen/core/Tensor.h>

#include "ops/compressed_rows.h"

namespace finepune {

// `height`, `width`: of the image with its padding.
struct PaddedConvolution {
  int64_t height = 0;
  int64_t width = 0;
  std::array<int64_t, 2> strides = {1, 1};
  std::array<int64_t, 2> dilations = {1, 1};
  int64_t groups = 1;
};

struct CompressedConvolution {
  // A row an output channel; places count floats of an image from the first tap of a pixel's window in the first
  // channel on.
  CompressedRows rows;
  int64_t channels = 0;
  int64_t height = 0;
  int64_t width = 0;
  std::array<int64_t, 2> strides = {1, 1};
  // Height and width of the output.
  std::array<int64_t, 2> output = {0, 0};
};

// The entries of `weight`, float32 [out, in / groups, kernel height, kernel width], that are not zero; on its device,
// for which this waits. Throws std::invalid_argument on shapes that do not fit together, and where the weight or an
// image has 2^30 entries or more.
CompressedConvolution compress_convolution(const at::Tensor& weight, const PaddedConvolution& shape);

// float32 [N, out, H', W'] in channels_last memory, of `images` [N, in, H, W], padded already, and `bias` [out]. On a
// GPU it is queued on the current stream. Throws std::invalid_argument on tensors that do not fit together.
at::Tensor convolve(const CompressedConvolution& convolution, const at::Tensor& images,
                    const std::optional<at::Tensor>& bias);

}  // namespace finepune
