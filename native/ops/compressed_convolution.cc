#include "ops/compressed_convolution.h"

#include <stdexcept>
#include <string>

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

namespace finepune {

namespace {

constexpr int64_t most_floats = int64_t{1} << 30;

void expect(bool good, const char* what) {
  if (!good) throw std::invalid_argument(std::string("expected ") + what + " for a compressed convolution");
}

// Where in an image each column of the weight's rows is: int32 [in / groups * kernel height * kernel width], counted
// from the first tap in the group's first channel.
at::Tensor taps_of(const at::Tensor& weight, const PaddedConvolution& shape) {
  const auto range = [&](int64_t count, int64_t step) {
    return at::arange(count, weight.options().dtype(at::kInt)).mul(step);
  };
  const at::Tensor channels = range(weight.size(1), shape.height * shape.width);
  const at::Tensor rows = range(weight.size(2), shape.dilations[0] * shape.width);
  const at::Tensor columns = range(weight.size(3), shape.dilations[1]);
  return (channels.view({-1, 1, 1}) + rows.view({-1, 1}) + columns).flatten();
}

// Where in an image the group of each entry's row begins: int32 [entries].
at::Tensor groups_of(const CompressedRows& rows, const at::Tensor& weight, const PaddedConvolution& shape) {
  const auto integers = weight.options().dtype(at::kInt);
  const at::Tensor group = at::floor_divide(at::arange(rows.rows, integers), rows.rows / shape.groups);
  const at::Tensor counts = rows.starts.diff().to(at::kLong);
  return at::repeat_interleave(group.mul(weight.size(1) * shape.height * shape.width), counts, 0, rows.places.size(0));
}

}  // namespace

CompressedConvolution compress_convolution(const at::Tensor& weight, const PaddedConvolution& shape) {
  expect(weight.dim() == 4 && shape.groups >= 1 && weight.size(0) % shape.groups == 0 && weight.size(0) >= shape.groups,
         "a weight [out, in / groups, height, width]");
  CompressedConvolution convolution;
  convolution.channels = weight.size(1) * shape.groups;
  convolution.height = shape.height;
  convolution.width = shape.width;
  convolution.strides = shape.strides;
  const std::array<int64_t, 2> image = {shape.height, shape.width};
  for (size_t side = 0; side < 2; ++side) {
    const int64_t window = shape.dilations[side] * (weight.size(2 + static_cast<int64_t>(side)) - 1) + 1;
    expect(shape.strides[side] >= 1 && shape.dilations[side] >= 1 && window >= 1 && window <= image[side],
           "a kernel that fits in its padded image");
    convolution.output[side] = (image[side] - window) / shape.strides[side] + 1;
  }
  expect(shape.height < most_floats && shape.width < most_floats && shape.height * shape.width < most_floats &&
             convolution.channels * shape.height * shape.width < most_floats,
         "images of fewer than 2^30 values");
  convolution.rows = compress_rows(weight.flatten(1).contiguous());
  const at::Tensor taps = taps_of(weight, shape).index_select(0, convolution.rows.places);
  convolution.rows.places = taps.add(groups_of(convolution.rows, weight, shape));
  convolution.rows.columns = convolution.channels * shape.height * shape.width;
  return convolution;
}

at::Tensor convolve(const CompressedConvolution& convolution, const at::Tensor& images,
                    const std::optional<at::Tensor>& bias) {
  const auto& [rows, channels, height, width, strides, output] = convolution;
  const at::Device device = rows.values.device();
  expect(images.device() == device && images.scalar_type() == at::kFloat && images.dim() == 4 &&
             images.size(1) == channels && images.size(2) == height && images.size(3) == width,
         "float32 images [N, in, height, width] on the weight's device");
  expect(!bias || (bias->device() == device && bias->scalar_type() == at::kFloat && bias->is_contiguous() &&
                   bias->numel() == rows.rows),
         "a float32 bias [out] on the weight's device");
  const PixelGrid grid{.images = images.size(0),
                       .height = output[0],
                       .width = output[1],
                       .image_step = rows.columns,
                       .row_step = strides[0] * width,
                       .column_step = strides[1]};
  const at::Tensor sums = at::empty({images.size(0), output[0], output[1], rows.rows},
                                    images.options().memory_format(at::MemoryFormat::Contiguous));
  sum_pixels(rows, grid, images.contiguous(), bias, sums);
  return sums.permute({0, 3, 1, 2});
}

}  // namespace finepune
