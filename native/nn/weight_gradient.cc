#include "weight_gradient.h"

#include <algorithm>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

namespace finepune {
namespace {

using cpu::kCorrelatedInputs;
using cpu::kCorrelatedOutputs;

// Floats of a plane multiplied before the next: the nearest cache holds those of the planes multiplied together while
// all taps pass, and a core's own those of all planes of a block.
constexpr int64_t kChunkFloats = 720;
constexpr int64_t kBlockOutputs = 10 * kCorrelatedOutputs, kBlockInputs = 8 * kCorrelatedInputs;

class WeightGradient {
 public:
  WeightGradient(const at::Tensor& images, const at::Tensor& gradient, std::array<int64_t, 2> kernel,
                 const Padding& padding, int64_t groups, const cpu::DirectKernels& kernels)
      : kernels_(kernels),
        input_{images.size(0), images.size(1), images.size(2), images.size(3), padding},
        output_{images.size(0), gradient.size(1), gradient.size(2), gradient.size(3), output_padding(gradient)},
        groups_(groups),
        tap_count_(kernel[0] * kernel[1]),
        input_planes_(planes_of(images, input_, kernel[1])),
        output_planes_(planes_of(gradient, output_, 0)) {
    for (int64_t y = 0; y < kernel[0]; ++y) {
      for (int64_t x = 0; x < kernel[1]; ++x) {
        taps_.push_back(static_cast<int32_t>((y * input_.row_stride() + x) * kPixelImages));
      }
    }
  }

  // `to`: [out][tap][in / groups].
  void run(float* to) const {
    const int64_t outputs = output_.channels / groups_, inputs = input_.channels / groups_;
    const int64_t output_blocks = (outputs + kBlockOutputs - 1) / kBlockOutputs;
    const int64_t input_blocks = (inputs + kBlockInputs - 1) / kBlockInputs;
    at::parallel_for(0, groups_ * output_blocks * input_blocks, 1, [&](int64_t begin, int64_t end) {
      std::vector<float> sums(static_cast<size_t>(tap_count_ * kCorrelatedOutputs * kCorrelatedInputs));
      for (int64_t item = begin; item < end; ++item) {
        const int64_t group = item / input_blocks / output_blocks;
        const int64_t output = item / input_blocks % output_blocks * kBlockOutputs;
        const int64_t input = item % input_blocks * kBlockInputs;
        add_block({group, output, std::min(output + kBlockOutputs, outputs)}, input,
                  std::min(input + kBlockInputs, inputs), sums, to);
      }
    });
  }

 private:
  struct OutputRange {
    int64_t group, first, last;
  };

  // Rows as far apart as the input's, zeros between; a row of zeros more where whole vectors ask for an even number of
  // pixels.
  Padding output_padding(const at::Tensor& gradient) const {
    const int64_t stride = input_.row_stride();
    return {0, 0, gradient.size(2) * stride % 2, stride - gradient.size(3)};
  }

  at::Tensor planes_of(const at::Tensor& values, const PlaneShape& shape, int64_t shift) const {
    // What that row and a shift by the last tap reach past the end.
    const int64_t slack = (shape.row_stride() + shift) * kPixelImages + kernels_.lanes;
    at::Tensor planes = at::empty({shape.floats() + slack}, at::kFloat);
    float* memory = planes.mutable_data_ptr<float>();
    std::fill(memory + shape.floats(), memory + shape.floats() + slack, 0.0f);
    to_planes(values.const_data_ptr<float>(), shape, memory);
    return planes;
  }

  void add_block(const OutputRange& outputs, int64_t first_input, int64_t last_input, std::vector<float>& sums,
                 float* to) const {
    const int64_t floats = output_.plane() * kPixelImages, lanes = kernels_.lanes;
    const int64_t chunks = (floats + kChunkFloats - 1) / kChunkFloats;
    for (int64_t part = 0; part < input_.groups() * chunks; ++part) {
      const int64_t images = part / chunks, chunk = part % chunks;
      const int64_t begin = floats * chunk / chunks / lanes * lanes;
      const int64_t end = chunk + 1 == chunks ? floats : floats * (chunk + 1) / chunks / lanes * lanes;
      for (int64_t output = outputs.first; output < outputs.last; output += kCorrelatedOutputs) {
        const OutputRange left{outputs.group, output, outputs.last};
        for (int64_t input = first_input; input < last_input; input += kCorrelatedInputs) {
          cpu::CorrelationTile tile = planes(images, left, input, last_input, begin);
          tile.vectors = (end - begin) / lanes;
          tile.sums = sums.data();
          kernels_.correlate(tile);
          add_sums(left, input, last_input, sums.data(), to);
        }
      }
    }
  }

  // Where fewer planes are left than are multiplied together, the last is taken again, and its sums are left alone.
  cpu::CorrelationTile planes(int64_t images, const OutputRange& outputs, int64_t input, int64_t last_input,
                              int64_t begin) const {
    const int64_t input_plane = input_.plane() * kPixelImages, output_plane = output_.plane() * kPixelImages;
    const int64_t first_output = images * output_.channels + outputs.group * (output_.channels / groups_);
    const int64_t first_input = images * input_.channels + outputs.group * (input_.channels / groups_);
    cpu::CorrelationTile tile{{}, {}, taps_.data(), tap_count_, 0, nullptr};
    for (int64_t o = 0; o < kCorrelatedOutputs; ++o) {
      const int64_t plane = std::min(outputs.first + o, outputs.last - 1);
      tile.outputs[o] = output_planes_.const_data_ptr<float>() + (first_output + plane) * output_plane + begin;
    }
    for (int64_t i = 0; i < kCorrelatedInputs; ++i) {
      const int64_t plane = std::min(input + i, last_input - 1);
      tile.inputs[i] = input_planes_.const_data_ptr<float>() + (first_input + plane) * input_plane + begin;
    }
    return tile;
  }

  void add_sums(const OutputRange& outputs, int64_t input, int64_t last_input, const float* sums, float* to) const {
    const int64_t inputs = input_.channels / groups_;
    const int64_t rows = std::min<int64_t>(kCorrelatedOutputs, outputs.last - outputs.first);
    const int64_t columns = std::min<int64_t>(kCorrelatedInputs, last_input - input);
    const int64_t first = outputs.group * (output_.channels / groups_) + outputs.first;
    for (int64_t tap = 0; tap < tap_count_; ++tap) {
      for (int64_t o = 0; o < rows; ++o) {
        const float* from = sums + (tap * kCorrelatedOutputs + o) * kCorrelatedInputs;
        float* row = to + ((first + o) * tap_count_ + tap) * inputs + input;
        for (int64_t i = 0; i < columns; ++i) row[i] += from[i];
      }
    }
  }

  const cpu::DirectKernels& kernels_;
  PlaneShape input_, output_;
  int64_t groups_, tap_count_;
  at::Tensor input_planes_, output_planes_;
  std::vector<int32_t> taps_;
};

}  // namespace

at::Tensor weight_gradient(const at::Tensor& images, const at::Tensor& gradient, std::array<int64_t, 2> kernel,
                           const Padding& padding, int64_t groups, const cpu::DirectKernels& kernels) {
  at::Tensor result =
      at::zeros({gradient.size(1), images.size(1) / groups, kernel[0], kernel[1]}, at::kFloat)
          .contiguous(at::MemoryFormat::ChannelsLast);
  WeightGradient(images, gradient, kernel, padding, groups, kernels).run(result.mutable_data_ptr<float>());
  return result;
}

}  // namespace finepune
