#include "image_planes.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include <xmmintrin.h>

#include <ATen/Parallel.h>

namespace finepune {
namespace {

// Four rows of four floats each become four columns.
void transpose(const float* const (&from)[4], __m128 (&rows)[4]) {
  for (int i = 0; i < 4; ++i) rows[i] = _mm_loadu_ps(from[i]);
  _MM_TRANSPOSE4_PS(rows[0], rows[1], rows[2], rows[3]);
}

// Channels copied together: a line of memory of each pixel, read once.
constexpr int64_t kChannels = 16;

// `count` channels of one row of eight images, of which `images` are there.
void copy_row(const float* images, const PlaneShape& shape, int64_t present, int64_t count, float* planes) {
  const int64_t image = shape.height * shape.width * shape.channels, plane = shape.plane() * kPixelImages;
  const int64_t quads = present == kPixelImages ? count / 4 : 0;
  for (int64_t x = 0; x < shape.width; ++x) {
    const float* pixel = images + x * shape.channels;
    float* to = planes + x * kPixelImages;
    for (int64_t half = 0; half < 2; ++half) {
      const float* first = pixel + 4 * half * image;
      for (int64_t quad = 0; quad < quads; ++quad, first += 4) {
        __m128 rows[4];
        transpose({first, first + image, first + 2 * image, first + 3 * image}, rows);
        for (int64_t c = 0; c < 4; ++c) _mm_storeu_ps(to + (4 * quad + c) * plane + 4 * half, rows[c]);
      }
    }
    for (int64_t c = 4 * quads; c < count; ++c) {
      for (int64_t i = 0; i < kPixelImages; ++i) to[c * plane + i] = i < present ? pixel[i * image + c] : 0.0f;
    }
  }
}

}  // namespace

void to_planes(const float* images, const PlaneShape& shape, float* planes) {
  const int64_t row = shape.row_stride() * kPixelImages, plane = shape.plane() * kPixelImages;
  const int64_t left = shape.padding.left * kPixelImages, width = shape.width * kPixelImages;
  const int64_t parts = (shape.channels + kChannels - 1) / kChannels;
  at::parallel_for(0, shape.groups() * parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t group = item / parts, channel = item % parts * kChannels;
      const int64_t count = std::min(kChannels, shape.channels - channel);
      const int64_t present = std::min(kPixelImages, shape.images - group * kPixelImages);
      const float* from = images + group * kPixelImages * shape.height * shape.width * shape.channels + channel;
      float* first = planes + (group * shape.channels + channel) * plane;
      float* inside = first + left + shape.padding.top * row;
      for (int64_t c = 0; c < count; ++c) {
        // What lies before the first row, between two, and after the last.
        std::memset(first + c * plane, 0, static_cast<size_t>(inside - first) * sizeof(float));
        for (int64_t y = 0; y < shape.height; ++y) {
          std::memset(inside + c * plane + y * row + width, 0, static_cast<size_t>(row - width) * sizeof(float));
        }
        float* after = inside + c * plane + shape.height * row;
        std::memset(after, 0, static_cast<size_t>(first + (c + 1) * plane - after) * sizeof(float));
      }
      for (int64_t y = 0; y < shape.height; ++y) {
        copy_row(from + y * shape.width * shape.channels, shape, present, count, inside + y * row);
      }
    }
  });
}

void write_pixel(const PixelSums& sums, int64_t pixel, const PixelPlace& place) {
  const auto& [output, image_stride, images] = place;
  const float low = sums.rectify ? 0.0f : -std::numeric_limits<float>::infinity();
  const float* from = sums.sums + pixel * kPixelImages;
  int64_t c = 0;
  for (; images == kPixelImages && c + 4 <= sums.channels; c += 4) {
    const __m128 bias = sums.bias == nullptr ? _mm_setzero_ps() : _mm_loadu_ps(sums.bias + c);
    const float* rows = from + c * sums.stride;
    for (int64_t half = 0; half < 2; ++half) {
      const float* at = rows + 4 * half;
      __m128 values[4];
      transpose({at, at + sums.stride, at + 2 * sums.stride, at + 3 * sums.stride}, values);
      for (int i = 0; i < 4; ++i) {
        // Where one of the two is NaN, the second is taken.
        const __m128 value = _mm_max_ps(_mm_set1_ps(low), _mm_add_ps(values[i], bias));
        _mm_storeu_ps(output + (4 * half + i) * image_stride + c, value);
      }
    }
  }
  for (; c < sums.channels; ++c) {
    const float bias = sums.bias == nullptr ? 0.0f : sums.bias[c];
    for (int64_t i = 0; i < images; ++i) {
      const float value = from[c * sums.stride + i] + bias;
      output[i * image_stride + c] = value < low ? low : value;
    }
  }
}

}  // namespace finepune
