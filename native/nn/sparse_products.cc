#include "sparse_products.h"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include "channels_last.h"
#include "image_planes.h"
#include "sparse_rows.h"

namespace finepune {
namespace {

// Vectors of sums in registers, and rows that read a block of input before the next one is read.
constexpr int64_t kTileVectors = 12, kPieceRows = 256;
// Floats of input that a tile reads in a block of channels: what lies in the nearest cache beside the sums that pass
// through it.
constexpr int64_t kBlockFloats = 4096;

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
    const int64_t most = std::min(input_.channels / groups_, kMostSparsePlane / input_.plane());
    if (most == 0) throw std::logic_error("sparse products: a plane has more pixels than offsets count");
    return std::min(std::max<int64_t>(1, kBlockFloats / floats), most);
  }

  // [N, rows of `rows`, height, width] in channels_last memory, or in `finish.place`.
  at::Tensor run(const at::Tensor& images, const SparseRows& rows, const float* bias, const OutputFinish& finish) const;

 private:
  int64_t tile_pixels() const { return kTileVectors * kernels_.lanes / kPixelImages; }
  // Output pixels from the first to the last, those between two rows among them.
  int64_t pixels() const { return (height_ - 1) * input_.row_stride() + width_; }
  struct Tile {
    int64_t image_group, first_row, last_row, first_pixel, last_pixel;
  };
  void sum(const SparseRows& rows, const float* planes, const Tile& tile, float* sums) const;
  void write(const Tile& tile, const PixelSums& sums, const at::Tensor& output) const;
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
  const int64_t vectors = (floats + kernels_.lanes - 1) / kernels_.lanes;
  for (int64_t block = 0; block < rows.blocks; ++block) {
    const float* input =
        planes + ((first_channel + block * rows.block_channels) * plane + tile.first_pixel) * kPixelImages;
    kernels_.sparse({input, rows.entry_offsets(), rows.entry_values(), rows.block_starts(block) + tile.first_row,
                     tile.last_row - tile.first_row, kPixelImages, vectors, sums, sum_stride(), block > 0});
  }
}

void Walk::write(const Tile& tile, const PixelSums& sums, const at::Tensor& output) const {
  const int64_t first_image = tile.image_group * kPixelImages, image = output.stride(0);
  const int64_t images = std::min(kPixelImages, input_.images - first_image);
  float* first = output.mutable_data_ptr<float>() + first_image * image + tile.first_row;
  for (int64_t pixel = tile.first_pixel; pixel < tile.last_pixel; ++pixel) {
    const int64_t y = pixel / input_.row_stride(), x = pixel % input_.row_stride();
    if (x >= width_) continue;
    float* to = first + y * output.stride(2) + x * output.stride(3);
    write_pixel(sums, pixel - tile.first_pixel, {to, image, images});
  }
}

at::Tensor Walk::run(const at::Tensor& images, const SparseRows& rows, const float* bias,
                     const OutputFinish& finish) const {
  // The last vectors of a tile read past its end.
  const int64_t slack = sum_stride() + kernel_[1] * kPixelImages;
  at::Tensor planes = at::empty({input_.floats() + slack}, at::kFloat);
  float* values = planes.mutable_data_ptr<float>();
  std::fill(values + input_.floats(), values + input_.floats() + slack, 0.0f);
  to_planes(images.const_data_ptr<float>(), input_, values);

  const at::Tensor output =
      finish.place != nullptr ? *finish.place : empty_channels_last(input_.images, rows.rows, height_, width_);
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
      write(current,
            {sums.data(), sum_stride(), current.last_row - current.first_row,
             bias == nullptr ? nullptr : bias + current.first_row, finish.rectify},
            output);
    }
  });
  return output;
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

}  // namespace

at::Tensor sparse_output(const at::Tensor& images, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                         const UnitConvolution& convolution, const cpu::DirectKernels& kernels,
                         const OutputFinish& finish) {
  const Walk walk(convolution, images, kernels);
  const SparseRows rows = rows_of_outputs(channels_last(weight), walk.taps(), walk.block_channels());
  return walk.run(channels_last(images), rows, bias ? bias->const_data_ptr<float>() : nullptr, finish);
}

at::Tensor sparse_input_gradient(const at::Tensor& gradient, const at::Tensor& weight,
                                 const UnitConvolution& convolution, const cpu::DirectKernels& kernels) {
  const Walk walk(by_input(convolution), gradient, kernels);
  const SparseRows rows = rows_of_inputs(channels_last(weight), convolution.groups, walk.taps(), walk.block_channels());
  return walk.run(channels_last(gradient), rows, nullptr, {});
}

}  // namespace finepune
