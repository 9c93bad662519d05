// The functions of native/ops on CUDA tensors. Their callers there have checked what comes in.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "ops/compressed_rows.h"
#include "ops/cross_entropy.h"
#include "ops/dropped.h"
#include "ops/folded_pixels.h"
#include "ops/magnitude_histogram.h"
#include "ops/mask.h"
#include "ops/masked_step.h"
#include "ops/rectified_sums.h"
#include "ops/tally.h"
#include "ops/tap_gradient.h"
#include "ops/write_crop.h"

namespace finepune::cuda {

void step_layers(const std::vector<LayerStep>& layers, const StepOptions& options, const at::Tensor& kept);

std::vector<int64_t> write_masks(const std::vector<MaskedLayer>& layers);

MagnitudeHistogram magnitude_histogram(const at::Tensor& shadow, const at::Tensor& mask);

void write_crops(const at::Tensor& images, const std::vector<ImageCrop>& crops, const ChannelMap& map,
                 const at::Tensor& output);

CompressedRows compress_rows(const at::Tensor& dense);

at::Tensor expand_rows(const CompressedRows& matrix);

void sum_pixels(const CompressedRows& matrix, const PixelGrid& grid, const at::Tensor& input,
                const std::optional<at::Tensor>& bias, const at::Tensor& output);

void rectify_sums(const at::Tensor& sums, const std::optional<at::Tensor>& bias);

std::pair<at::Tensor, at::Tensor> rectify_sums_backward(const at::Tensor& gradient, const at::Tensor& output,
                                                        bool wants_bias);

PooledSums pool_sums(const at::Tensor& sums, const std::optional<at::Tensor>& bias, bool rectify, const PoolGrid& grid);

std::pair<at::Tensor, at::Tensor> pool_sums_backward(const at::Tensor& gradient, const at::Tensor& places,
                                                     const PoolGrid& grid, bool wants_bias);

at::Tensor fold_pixels(const at::Tensor& images, const BlockGrid& grid, int64_t channels, at::ScalarType type);

ScoredLogits cross_entropy(const at::Tensor& logits, const at::Tensor& labels, double label_smoothing);

at::Tensor row_sums(const at::Tensor& rows);

bool has_tap_gradient(const at::Tensor& images, int64_t outputs, const Taps& taps);

at::Tensor tap_gradient(const at::Tensor& images, const at::Tensor& gradient, const Taps& taps);

at::Tensor drop_values(const at::Tensor& values, const Dropping& dropping, const at::Tensor& seed);

void tally_step(const at::Tensor& loss, const at::Tensor& logits, const at::Tensor& labels, int64_t index,
                const Tally& tally);

}  // namespace finepune::cuda
