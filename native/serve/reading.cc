#include "serve/reading.h"

#include <algorithm>
#include <stdexcept>

namespace finepune::serve {

namespace {

// Of one plane: an offset in it, in floats of sixteen images a pixel, fits an int32_t.
constexpr int64_t kMostPixels = int64_t{1} << 27;

}  // namespace

bool is_unit_stride(const ConvolutionShape& shape) { return shape.strides[0] == 1 && shape.strides[1] == 1; }

void check_plane(const std::string& node, const Layout& layout) {
  const Padding& padding = layout.padding;
  // One row more for what plane() has before the first.
  check_plane(node, padding.top + layout.height + padding.bottom + 1, layout.row_stride());
}

void check_plane(const std::string& node, int64_t rows, int64_t columns, int64_t layers) {
  // One by one: the product of all may be past 64 bits.
  int64_t left = kMostPixels;
  for (const int64_t size : {rows, columns, layers}) {
    if (size > left) {
      throw std::invalid_argument("node " + node + ": its planes, with padding, would have more than " +
                                  std::to_string(kMostPixels) + " pixels");
    }
    left /= std::max<int64_t>(size, 1);
  }
}

ConvolutionReading plan_reading(const Step& convolution, const Layout& input) {
  const ConvolutionShape& shape = convolution.convolution;
  const auto& [kernel, strides, dilations, padding, groups] = shape;
  ConvolutionReading reading;
  reading.stencil.channels = input.channels / groups;
  reading.stencil.taps.clear();
  const Padding& given = input.padding;
  reading.direct = is_unit_stride(shape) && given.top >= padding.top && given.left >= padding.left &&
                   given.bottom >= padding.bottom && given.right >= padding.right;
  if (reading.direct) {
    reading.row_stride = input.row_stride();
    reading.stencil.plane = input.plane();
    for (int64_t y = 0; y < kernel[0]; ++y) {
      for (int64_t x = 0; x < kernel[1]; ++x) {
        reading.stencil.taps.push_back(y * dilations[0] * reading.row_stride + x * dilations[1]);
      }
    }
    return reading;
  }
  reading.phase_height = convolution.height + (kernel[0] - 1) * dilations[0] / strides[0];
  reading.phase_width = convolution.width + (kernel[1] - 1) * dilations[1] / strides[1];
  reading.row_stride = reading.phase_width;
  check_plane(convolution.name, reading.phase_height, reading.phase_width);
  const int64_t size = reading.phase_height * reading.phase_width;
  for (int64_t y = 0; y < kernel[0]; ++y) {
    for (int64_t x = 0; x < kernel[1]; ++x) {
      const int64_t row = y * dilations[0], column = x * dilations[1];
      const std::array<int64_t, 2> phase = {row % strides[0], column % strides[1]};
      auto found = std::find(reading.phases.begin(), reading.phases.end(), phase);
      if (found == reading.phases.end()) found = reading.phases.insert(found, phase);
      const int64_t place = found - reading.phases.begin();
      reading.stencil.taps.push_back(place * size + row / strides[0] * reading.phase_width + column / strides[1]);
    }
  }
  const int64_t phases = static_cast<int64_t>(reading.phases.size());
  check_plane(convolution.name, reading.phase_height, reading.phase_width, phases);
  reading.stencil.plane = phases * size;
  return reading;
}

}  // namespace finepune::serve
