#include "ops/cuda/crop_kernel.h"

#include <algorithm>

#include "ops/cuda/crop_rows.cuh"
#include "ops/cuda/crop_taps.cuh"
#include "ops/cuda/launch.h"

namespace finepune::cuda {

namespace {

constexpr int kThreads = 256;
constexpr int64_t kMostBlocks = int64_t{1} << 20;

// The crop's pixels from its first one on; `row_stride` in bytes.
struct Pixels {
  const uint8_t* first;
  int64_t row_stride;
};

template <int kChannels>
__device__ inline void copy_pixel(const Pixels& pixels, int64_t y, int64_t x, float (&values)[kChannels]) {
  const uint8_t* pixel = pixels.first + y * pixels.row_stride + x * kChannels;
  for (int c = 0; c < kChannels; ++c) values[c] = static_cast<float>(pixel[c]);
}

// Down the columns first and then along the row, in the order of write_crop.cc.
template <int kChannels>
__device__ inline void blend_pixel(const Pixels& pixels, const Taps& rows, const Taps& columns,
                                   float (&values)[kChannels]) {
  for (int c = 0; c < kChannels; ++c) values[c] = 0.0f;
  for (int64_t x = columns.first; x < columns.last; ++x) {
    float column[kChannels] = {};
    for (int64_t y = rows.first; y < rows.last; ++y) {
      const float weight = weight_of(rows, y);
      const uint8_t* pixel = pixels.first + y * pixels.row_stride + x * kChannels;
      for (int c = 0; c < kChannels; ++c) column[c] += weight * static_cast<float>(pixel[c]);
    }
    const float weight = weight_of(columns, x);
    for (int c = 0; c < kChannels; ++c) values[c] += weight * column[c];
  }
}

// One thread an output pixel, of any size.
template <int kChannels>
__global__ void __launch_bounds__(kThreads) crop_kernel(const CropJob job) {
  const int64_t image_pixels = job.size.height * job.size.width;
  const int64_t all = job.count * image_pixels;
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t item = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; item < all; item += step) {
    const ImageCrop& chosen = job.crops[item / image_pixels];
    const Crop& crop = chosen.crop;
    int64_t y = item % image_pixels / job.size.width;
    int64_t x = item % job.size.width;
    if (crop.mirror_vertically) y = job.size.height - 1 - y;
    if (crop.mirror_horizontally) x = job.size.width - 1 - x;
    const int64_t row_stride = job.stored.width * kChannels;
    const Pixels pixels{job.images + chosen.image * job.stored.height * row_stride + crop.top * row_stride +
                            crop.left * kChannels,
                        row_stride};
    float values[kChannels];
    if (crop.height == job.size.height && crop.width == job.size.width) {
      copy_pixel<kChannels>(pixels, y, x, values);
    } else {
      blend_pixel<kChannels>(pixels, taps_of(crop.height, job.size.height, y),
                             taps_of(crop.width, job.size.width, x), values);
    }
    for (int c = 0; c < kChannels; ++c) {
      // Chosen without an index that is not known at compile time, which would put the values into memory.
      float value = values[0];
      if (kChannels == 3 && job.map.source[c] == 1) value = values[1 % kChannels];
      if (kChannels == 3 && job.map.source[c] == 2) value = values[2 % kChannels];
      job.output[item * kChannels + c] = value * job.map.factor[c] + job.map.shift[c];
    }
  }
}

// No output entry has more taps, whatever part of `stored` entries becomes `size` entries: those between two numbers
// whose difference is twice the support, and one more for its rounding.
int64_t most_taps_of(int64_t stored, int64_t size) { return 2 * std::max(stored, size) / size + 2; }

template <int kChannels>
void launch(const CropJob& job, cudaStream_t stream) {
  constexpr int64_t most = int64_t{1} << 30;
  const int64_t image_blocks = (job.size.height + kCropRows - 1) / kCropRows;
  const int64_t most_taps =
      std::max(most_taps_of(job.stored.height, job.size.height), most_taps_of(job.stored.width, job.size.width));
  const int64_t shared = crop_bytes(job.size.width, most_taps);
  if (shared <= kMostCropBytes && job.count * image_blocks < most &&
      job.stored.height * job.stored.width * kChannels < most && job.size.height < most) {
    crop_rows_kernel<kChannels>
        <<<static_cast<unsigned>(job.count * image_blocks), kCropThreads, static_cast<size_t>(shared), stream>>>(
            job, job.images, job.output, static_cast<unsigned>(image_blocks), static_cast<int>(most_taps));
  } else {
    const int64_t pixels = job.count * job.size.height * job.size.width;
    const auto blocks = static_cast<unsigned>(std::min(kMostBlocks, (pixels + kThreads - 1) / kThreads));
    crop_kernel<kChannels><<<blocks, kThreads, 0, stream>>>(job);
  }
}

}  // namespace

void launch_crops(const CropJob& job, cudaStream_t stream) {
  if (job.count * job.size.height * job.size.width == 0) return;
  if (job.map.channels == 1) {
    launch<1>(job, stream);
  } else {
    launch<3>(job, stream);
  }
  check_launch("crops");
}

}  // namespace finepune::cuda
