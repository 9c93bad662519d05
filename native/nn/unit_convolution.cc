#include "unit_convolution.h"

#include <algorithm>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "direct_choice.h"
#include "image_planes.h"
#include "sparse_rows.h"
#include "weight_gradient.h"

namespace finepune {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Vectors of sums in registers, and rows that read a block of input before the next one is read.
constexpr int64_t kTileVectors = 12, kPieceRows = 256;
// Floats of input that a tile reads in a block of channels: what lies in the nearest cache beside the sums that pass
// through it.
constexpr int64_t kBlockFloats = 4096;
constexpr int64_t kMostOffset = 65536;
// What things cost in multiplications of a dense convolution (test/bench/NOTES.md): a channel of a pixel copied in or
// out, a weight sorted into rows, and a non-zero multiplied, on CPUs with vectors of 8 and of 16 floats; a
// multiplication of the gradient by the weights in libtorch and here, where vectors have 8 floats.
constexpr double kCopyCost = 32, kSortCost = 65, kNonzeroCost = 1.9, kWideNonzeroCost = 3;
constexpr double kLibraryGradientCost = 1.9, kGradientCost = 1.1, kGradientCopyCost = 160;
// Share of the dense cost that must be saved.
constexpr double kMargin = 0.1;
// Fewer images leave most of a pixel unused.
constexpr int64_t kFewestImages = 5;

// The planes a convolution reads, and how its tiles walk them.
class Walk {
 public:
  Walk(const UnitConvolution& convolution, const at::Tensor& images, const cpu::DirectKernels& kernels)
      : kernels_(kernels),
        input_{images.size(0), images.size(1), images.size(2), images.size(3), convolution.padding},
        groups_(convolution.groups),
        kernel_(convolution.kernel),
        height_(input_.height + 2 * convolution.padding.top - kernel_[0] + 1),
        width_(input_.width + 2 * convolution.padding.left - kernel_[1] + 1) {}

  const PlaneShape& input() const { return input_; }
  int64_t height() const { return height_; }
  int64_t width() const { return width_; }

  RowTaps taps() const {
    RowTaps taps;
    taps.plane = input_.plane();
    for (int64_t y = 0; y < kernel_[0]; ++y) {
      for (int64_t x = 0; x < kernel_[1]; ++x) taps.taps.push_back(y * input_.row_stride() + x);
    }
    return taps;
  }

  // Input channels of a block of weights.
  int64_t block_channels() const {
    const int64_t floats = kernel_[0] * (tile_pixels() + kernel_[1] - 1) * kPixelImages;
    const int64_t most = std::min(input_.channels / groups_, kMostOffset / input_.plane());
    return std::min(std::max<int64_t>(1, kBlockFloats / floats), most);
  }

  // [N, rows of `rows`, height, width] in channels_last memory.
  at::Tensor run(const at::Tensor& images, const SparseRows& rows, const float* bias) const;

 private:
  int64_t tile_pixels() const { return kTileVectors * kernels_.lanes / kPixelImages; }
  // Output pixels from the first to the last, those between two rows among them.
  int64_t pixels() const { return (height_ - 1) * input_.row_stride() + width_; }
  struct Tile {
    int64_t image_group, first_row, last_row, first_pixel, last_pixel;
  };
  void sum(const SparseRows& rows, const float* planes, const Tile& tile, float* sums) const;
  void write(const SparseRows& rows, const Tile& tile, const float* sums, const float* bias, float* output) const;
  int64_t sum_stride() const { return kTileVectors * kernels_.lanes; }

  const cpu::DirectKernels& kernels_;
  PlaneShape input_;
  int64_t groups_;
  std::array<int64_t, 2> kernel_;
  int64_t height_, width_;
};

void Walk::sum(const SparseRows& rows, const float* planes, const Tile& tile, float* sums) const {
  const int64_t group_rows = rows.rows / groups_, channels = input_.channels / groups_, plane = input_.plane();
  const int64_t first_channel = tile.image_group * input_.channels + tile.first_row / group_rows * channels;
  const int64_t floats = (tile.last_pixel - tile.first_pixel) * kPixelImages;
  for (int64_t block = 0; block < rows.blocks; ++block) {
    const float* input =
        planes + ((first_channel + block * rows.block_channels) * plane + tile.first_pixel) * kPixelImages;
    kernels_.sparse({input, rows.entry_offsets(), rows.entry_values(), rows.block_starts(block) + tile.first_row,
                     tile.last_row - tile.first_row, kPixelImages, (floats + kernels_.lanes - 1) / kernels_.lanes, sums, sum_stride(), block > 0});
  }
}

void Walk::write(const SparseRows& rows, const Tile& tile, const float* sums, const float* bias, float* output) const {
  const int64_t first_image = tile.image_group * kPixelImages, image = height_ * width_ * rows.rows;
  const int64_t images = std::min(kPixelImages, input_.images - first_image);
  const PixelSums pixels{sums, sum_stride(), tile.last_row - tile.first_row,
                         bias == nullptr ? nullptr : bias + tile.first_row};
  for (int64_t pixel = tile.first_pixel; pixel < tile.last_pixel; ++pixel) {
    const int64_t y = pixel / input_.row_stride(), x = pixel % input_.row_stride();
    if (x >= width_) continue;
    write_pixel(pixels, pixel - tile.first_pixel, images, image,
                output + first_image * image + (y * width_ + x) * rows.rows + tile.first_row);
  }
}

at::Tensor Walk::run(const at::Tensor& images, const SparseRows& rows, const float* bias) const {
  // The last vectors of a tile read past its end.
  const int64_t slack = sum_stride() + kernel_[1] * kPixelImages;
  at::Tensor planes = at::empty({input_.floats() + slack}, at::kFloat);
  float* values = planes.mutable_data_ptr<float>();
  std::fill(values + input_.floats(), values + input_.floats() + slack, 0.0f);
  to_planes(images.const_data_ptr<float>(), input_, values);

  at::Tensor output = at::empty({input_.images, rows.rows, height_, width_},
                                at::TensorOptions().dtype(at::kFloat).memory_format(at::MemoryFormat::ChannelsLast));
  float* to = output.mutable_data_ptr<float>();
  const int64_t group_rows = rows.rows / groups_, pieces = (group_rows + kPieceRows - 1) / kPieceRows;
  const int64_t tiles = (pixels() + tile_pixels() - 1) / tile_pixels(), image_groups = input_.groups();
  // Tiles of one piece follow one another, which read the same weights.
  at::parallel_for(0, groups_ * pieces * image_groups * tiles, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> sums(static_cast<size_t>(std::min(kPieceRows, group_rows) * sum_stride()));
    for (int64_t item = begin; item < end; ++item) {
      const int64_t tile = item % tiles, piece = item / tiles / image_groups;
      const int64_t group = piece / pieces * group_rows, part = piece % pieces;
      const Tile current{item / tiles % image_groups, group + group_rows * part / pieces,
                         group + group_rows * (part + 1) / pieces, pixels() * tile / tiles,
                         pixels() * (tile + 1) / tiles};
      sum(rows, values, current, sums.data());
      write(rows, current, sums.data(), bias, to);
    }
  });
  return output;
}

at::Tensor prepared(const at::Tensor& tensor) { return tensor.contiguous(at::MemoryFormat::ChannelsLast); }

at::Tensor forward_values(const at::Tensor& images, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                          const UnitConvolution& convolution, const cpu::DirectKernels& kernels) {
  const Walk walk(convolution, images, kernels);
  const SparseRows rows = rows_of_outputs(prepared(weight), walk.taps(), walk.block_channels());
  return walk.run(prepared(images), rows, bias ? bias->const_data_ptr<float>() : nullptr);
}

// The same convolution turned round.
UnitConvolution by_input(const UnitConvolution& convolution) {
  UnitConvolution turned = convolution;
  const auto& [height, width] = convolution.kernel;
  const Padding& padding = convolution.padding;
  turned.padding = {height - 1 - padding.top, width - 1 - padding.left, height - 1 - padding.bottom,
                    width - 1 - padding.right};
  return turned;
}

at::Tensor input_gradient(const at::Tensor& gradient, const at::Tensor& weight, const UnitConvolution& convolution,
                          const cpu::DirectKernels& kernels) {
  const Walk walk(by_input(convolution), gradient, kernels);
  const SparseRows rows =
      rows_of_inputs(prepared(weight), convolution.groups, walk.taps(), walk.block_channels());
  return walk.run(prepared(gradient), rows, nullptr);
}

at::Tensor dense_values(const at::Tensor& images, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                        const UnitConvolution& convolution) {
  const Padding& padding = convolution.padding;
  return at::convolution(images, weight, bias, {1, 1}, {padding.top, padding.left}, {1, 1}, false, {0, 0},
                         convolution.groups);
}

// By the images, by the weights, or both, as libtorch computes them.
std::array<at::Tensor, 2> dense_gradients(const at::Tensor& gradient, const at::Tensor& images,
                                          const at::Tensor& weight, const UnitConvolution& convolution,
                                          std::array<bool, 2> wanted) {
  const Padding& padding = convolution.padding;
  const auto [by_images, by_weight, none] = at::convolution_backward(
      gradient, images, weight, std::nullopt, {1, 1}, {padding.top, padding.left}, {1, 1}, false, {0, 0},
      convolution.groups, {wanted[0], wanted[1], false});
  return {by_images, by_weight};
}

class UnitConvolutionFunction : public torch::autograd::Function<UnitConvolutionFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& images, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias, const UnitConvolution& convolution,
                            const UnitChoice& choice) {
    context->save_for_backward({images, weight});
    const Padding& padding = convolution.padding;
    context->saved_data["geometry"] = std::vector<int64_t>{convolution.kernel[0], convolution.kernel[1], padding.top,
                                                           padding.left,          convolution.groups};
    context->saved_data["choice"] = std::vector<int64_t>{choice.sparse, choice.own_gradient};
    context->saved_data["kernels"] = std::string(choice.kernels->name);
    context->saved_data["bias"] = bias.has_value();
    return choice.sparse ? forward_values(images, weight, bias, convolution, *choice.kernels)
                         : dense_values(images, weight, bias, convolution);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor images = prepared(saved[0]), gradient = prepared(gradients[0]);
    const at::Tensor& weight = saved[1];
    const std::vector<int64_t> geometry = context->saved_data["geometry"].toIntVector();
    const std::vector<int64_t> choice = context->saved_data["choice"].toIntVector();
    const UnitConvolution convolution{
        {geometry[0], geometry[1]}, {geometry[2], geometry[3], geometry[2], geometry[3]}, geometry[4]};
    const cpu::DirectKernels& kernels = direct_kernels_called(context->saved_data["kernels"].toStringRef());
    const bool by_images = context->needs_input_grad(0), by_weight = context->needs_input_grad(1);
    const bool sparse = choice[0] != 0, own = choice[1] != 0;
    variable_list result(5);
    if (by_images && sparse) result[0] = input_gradient(gradient, weight, convolution, kernels);
    if (by_weight && own) {
      result[1] = weight_gradient(images, gradient, convolution.kernel, convolution.padding, convolution.groups,
                                  kernels);
    }
    const std::array<bool, 2> left = {by_images && !sparse, by_weight && !own};
    if (left[0] || left[1]) {
      const auto dense = dense_gradients(gradient, images, weight, convolution, left);
      if (left[0]) result[0] = dense[0];
      if (left[1]) result[1] = dense[1];
    }
    if (context->saved_data["bias"].toBool() && context->needs_input_grad(2)) result[2] = gradient.sum({0, 2, 3});
    return result;
  }
};

}  // namespace

UnitChoice choose_products(const UnitConvolution& convolution, const at::Tensor& images, const at::Tensor& weight,
                           double density) {
  UnitChoice choice;
  const bool plain = images.is_cpu() && images.scalar_type() == at::kFloat && weight.scalar_type() == at::kFloat &&
                     !at::autocast::is_autocast_enabled(at::kCPU);
  const auto& [kernel, padding, groups] = convolution;
  const bool turns_round = padding.symmetric() && padding.top < kernel[0] && padding.left < kernel[1];
  // With all the padding that the gradient by the input can ask for.
  const int64_t height = images.size(2) + 2 * kernel[0], width = images.size(3) + 2 * kernel[1];
  if (!plain || !turns_round || images.size(0) < kFewestImages || height * width > kMostOffset) return choice;
  const int64_t lanes = choice.kernels->lanes;
  if (lanes < 8) return choice;
  const double rows = static_cast<double>(weight.size(0)), pixels = static_cast<double>(images.size(0) * height * width);
  const double dense = rows * static_cast<double>(weight.size(1) * kernel[0] * kernel[1]);
  const double channels = rows + static_cast<double>(images.size(1));
  const double sparse =
      density * dense * (lanes == 8 ? kNonzeroCost : kWideNonzeroCost) + kCopyCost * channels +
                        kSortCost * dense / pixels;
  choice.sparse = sparse < (1 - kMargin) * dense;
  choice.own_gradient = lanes == 8 && kGradientCost * dense + kGradientCopyCost * channels < (1 - kMargin) * kLibraryGradientCost * dense;
  return choice;
}

at::Tensor unit_convolution(const at::Tensor& images, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                            const UnitConvolution& convolution, const UnitChoice& choice) {
  const bool learns = images.requires_grad() || weight.requires_grad() || (bias && bias->requires_grad());
  if (at::GradMode::is_enabled() && learns) {
    return UnitConvolutionFunction::apply(images, weight, bias, convolution, choice);
  }
  return choice.sparse ? forward_values(images, weight, bias, convolution, *choice.kernels)
                       : dense_values(images, weight, bias, convolution);
}

}  // namespace finepune
