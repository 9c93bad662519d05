#include <algorithm>
#include <cmath>
#include <vector>

#include "ops/write_crop.h"

namespace finepune {

namespace {

// One output entry reads `count` inputs from `first` on, with weights at `weights` of its Filter.
struct Taps {
  int64_t first = 0;
  int64_t count = 0;
  size_t weights = 0;
};

struct Filter {
  std::vector<Taps> taps;
  std::vector<float> weights;
};

// The triangle filter from `input` entries to `output` entries, in reverse where mirrored. Pillow's and torchvision's
// antialiased bilinear: support of one input entry where it grows, of one output entry where it shrinks.
void make_filter(int64_t input, int64_t output, bool mirrored, Filter& filter) {
  const double scale = static_cast<double>(input) / static_cast<double>(output);
  const double support = std::max(scale, 1.0);
  filter.taps.resize(static_cast<size_t>(output));
  filter.weights.clear();
  for (int64_t i = 0; i < output; ++i) {
    const int64_t place = mirrored ? output - 1 - i : i;
    const double center = (static_cast<double>(place) + 0.5) * scale;
    const int64_t first = std::max<int64_t>(0, static_cast<int64_t>(center - support + 0.5));
    const int64_t last = std::min<int64_t>(input, static_cast<int64_t>(center + support + 0.5));
    Taps& taps = filter.taps[static_cast<size_t>(i)];
    taps = {first, last - first, filter.weights.size()};
    double total = 0;
    for (int64_t k = first; k < last; ++k) {
      total += std::max(0.0, 1.0 - std::abs((static_cast<double>(k) + 0.5 - center) / support));
    }
    for (int64_t k = first; k < last; ++k) {
      const double weight = std::max(0.0, 1.0 - std::abs((static_cast<double>(k) + 0.5 - center) / support));
      filter.weights.push_back(static_cast<float>(weight / total));
    }
  }
}

template <int Channels>
void copy_rows(const uint8_t* pixels, ImageSize image, const Crop& crop, const ChannelMap& map, float* destination) {
  for (int64_t y = 0; y < crop.height; ++y) {
    const int64_t row = crop.top + (crop.mirror_vertically ? crop.height - 1 - y : y);
    const uint8_t* source = pixels + (row * image.width + crop.left) * Channels;
    for (int64_t x = 0; x < crop.width; ++x) {
      const uint8_t* pixel = source + (crop.mirror_horizontally ? crop.width - 1 - x : x) * Channels;
      for (int c = 0; c < Channels; ++c) *destination++ = static_cast<float>(pixel[map.source[c]]) * map.factor[c] + map.shift[c];
    }
  }
}

template <int Channels>
void resize(const uint8_t* pixels, ImageSize image, const Crop& crop, const ChannelMap& map, ImageSize output,
            float* destination) {
  // Kept between calls: a loader thread makes thousands of these.
  thread_local Filter rows;
  thread_local Filter columns;
  thread_local std::vector<float> blended;
  make_filter(crop.height, output.height, crop.mirror_vertically, rows);
  make_filter(crop.width, output.width, crop.mirror_horizontally, columns);
  const int64_t width = crop.width * Channels;
  blended.resize(static_cast<size_t>(width));
  float* blend = blended.data();
  for (const Taps& vertical : rows.taps) {
    // Down the columns first: whole rows are added, which vectorises.
    for (int64_t k = 0; k < vertical.count; ++k) {
      const float weight = rows.weights[vertical.weights + static_cast<size_t>(k)];
      const uint8_t* source = pixels + ((crop.top + vertical.first + k) * image.width + crop.left) * Channels;
      if (k == 0) {
        for (int64_t i = 0; i < width; ++i) blend[i] = weight * static_cast<float>(source[i]);
      } else {
        for (int64_t i = 0; i < width; ++i) blend[i] += weight * static_cast<float>(source[i]);
      }
    }
    for (const Taps& horizontal : columns.taps) {
      float sum[Channels] = {};
      const float* weights = columns.weights.data() + horizontal.weights;
      const float* source = blend + horizontal.first * Channels;
      for (int64_t k = 0; k < horizontal.count; ++k) {
        for (int c = 0; c < Channels; ++c) sum[c] += weights[k] * source[k * Channels + c];
      }
      for (int c = 0; c < Channels; ++c) *destination++ = sum[map.source[c]] * map.factor[c] + map.shift[c];
    }
  }
}

template <int Channels>
void write(const uint8_t* pixels, ImageSize image, const Crop& crop, const ChannelMap& map, ImageSize output,
           float* destination) {
  if (crop.height == output.height && crop.width == output.width) {
    copy_rows<Channels>(pixels, image, crop, map, destination);
  } else {
    resize<Channels>(pixels, image, crop, map, output, destination);
  }
}

}  // namespace

void write_crop(const uint8_t* pixels, ImageSize image, const Crop& crop, const ChannelMap& map, ImageSize output,
                float* destination) {
  if (map.channels == 1) {
    write<1>(pixels, image, crop, map, output, destination);
  } else {
    write<3>(pixels, image, crop, map, output, destination);
  }
}

}  // namespace finepune
