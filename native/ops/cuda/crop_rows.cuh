// Crops by blocks of threads that have rows of one image: what a block's threads have in common is computed once, and
// neighbouring threads write neighbouring values.
#pragma once

#include <cstdint>

#include "ops/cuda/crop_kernel.h"
#include "ops/cuda/crop_taps.cuh"

namespace finepune::cuda {

// Rows of one image that a block of crop_rows_kernel writes, and its threads: a multiple of the channels, so that a thread
// stays at one channel.
constexpr int kCropRows = 8;
constexpr int kCropThreads = 192;
// At once on a multiprocessor, so that enough loads are under way: as many as there are registers for.
constexpr int kCropBlocks = 6;
static_assert(kCropThreads % 3 == 0);
// What a block may have without asking for more.
constexpr int64_t kMostCropBytes = 48 * 1024;

// Taps of an output entry: `first` and `count` of them.
struct alignas(8) CropSpan {
  int first, count;
};

// A tap of an output row: where its pixels lie, from the crop's first pixel on.
struct alignas(8) CropRowTap {
  int offset;
  float weight;
};

// In shared memory: of the row's columns a span and, tap after tap, their weights; of the block's rows, tap after tap, all
// taps, with zeros up to the longest row's.
struct CropTables {
  CropSpan* columns;
  float* column_weights;
  CropRowTap* row_taps;
  int* row_counts;
};

__host__ __device__ inline int64_t crop_bytes(int64_t width, int64_t most_taps) {
  return width * static_cast<int64_t>(sizeof(CropSpan) + most_taps * sizeof(float)) +
         kCropRows * static_cast<int64_t>(most_taps * sizeof(CropRowTap) + sizeof(int));
}

// Those of the widest alignment first.
__device__ inline CropTables tables_in(CropSpan* shared, int width, int most_taps) {
  CropTables tables;
  tables.columns = shared;
  tables.row_taps = reinterpret_cast<CropRowTap*>(tables.columns + width);
  tables.column_weights = reinterpret_cast<float*>(tables.row_taps + kCropRows * most_taps);
  tables.row_counts = reinterpret_cast<int*>(tables.column_weights + width * most_taps);
  return tables;
}

// The part of a crop that a block writes: `count` output rows from `top` on, whose values are `width` * channels floats.
template <int kChannels>
struct CropRows {
  const uint8_t* pixels;
  float* output;
  int crop_height, crop_width;
  bool mirror_vertically, mirror_horizontally;
  int row_stride, height, width, top, count, most_taps;

  __device__ int row(int r) const { return mirror_vertically ? height - 1 - top - r : top + r; }
  __device__ int column(int x) const { return mirror_horizontally ? width - 1 - x : x; }
};

// The one channel of a thread: which one it reads, and how it is normalised.
struct CropChannel {
  int source;
  float factor, shift;
};

template <int kChannels>
__device__ inline CropChannel channel_of(const ChannelMap& map) {
  const int c = static_cast<int>(threadIdx.x) % kChannels;
  // Chosen without an index that is not known at compile time, which would put the map into memory.
  CropChannel channel{map.source[0], map.factor[0], map.shift[0]};
  if (kChannels == 3 && c == 1) channel = {map.source[1], map.factor[1], map.shift[1]};
  if (kChannels == 3 && c == 2) channel = {map.source[2], map.factor[2], map.shift[2]};
  if (kChannels == 1) channel.source = 0;
  return channel;
}

template <int kChannels>
__device__ inline void write_rows(const CropRows<kChannels>& rows, const CropChannel& channel, int i,
                                  const float (&values)[kCropRows]) {
#pragma unroll
  for (int r = 0; r < kCropRows; ++r) {
    if (r < rows.count) rows.output[r * rows.width * kChannels + i] = values[r] * channel.factor + channel.shift;
  }
}

template <int kChannels>
__device__ inline void copy_rows(const CropRows<kChannels>& rows, const CropChannel& channel) {
  const int first = rows.row(0), last = rows.row(rows.count - 1);
  const int step = first <= last ? 1 : -1;
  for (int i = static_cast<int>(threadIdx.x); i < rows.width * kChannels; i += kCropThreads) {
    const int from = rows.column(i / kChannels) * kChannels + channel.source;
    float values[kCropRows];
#pragma unroll
    for (int r = 0; r < kCropRows; ++r) {
      // Behind the last row it is read again: no load waits behind a branch.
      values[r] = static_cast<float>(rows.pixels[(first + step * min(r, rows.count - 1)) * rows.row_stride + from]);
    }
    write_rows(rows, channel, i, values);
  }
}

template <int kChannels>
__device__ inline void fill_column(const CropRows<kChannels>& rows, int x, const CropTables& tables) {
  const Taps taps = taps_of(rows.crop_width, rows.width, rows.column(x));
  const int first = static_cast<int>(taps.first), count = static_cast<int>(taps.last - taps.first);
  tables.columns[x] = {first, count};
  // Several divisions at once would take the registers of the loops that follow.
#pragma unroll 1
  for (int k = 0; k < count; ++k) tables.column_weights[k * rows.width + x] = weight_of(taps, first + k);
}

// A row without an output, or a tap behind its last one, has weight 0 and pixels that are there: adding their product
// changes no bit of a sum of products that are not negative.
template <int kChannels>
__device__ inline void fill_row(const CropRows<kChannels>& rows, int r, const CropTables& tables) {
  const Taps taps = taps_of(rows.crop_height, rows.height, rows.row(min(r, rows.count - 1)));
  const int first = static_cast<int>(taps.first), count = static_cast<int>(taps.last - taps.first);
  tables.row_counts[r] = count;
#pragma unroll 1
  for (int k = 0; k < rows.most_taps; ++k) {
    tables.row_taps[k * kCropRows + r] = {(first + min(k, count - 1)) * rows.row_stride,
                                      k < count ? weight_of(taps, first + k) : 0.0f};
  }
}

template <int kChannels>
__device__ inline void fill(const CropRows<kChannels>& rows, const CropTables& tables) {
  for (int i = static_cast<int>(threadIdx.x); i < rows.width + kCropRows; i += kCropThreads) {
    if (i < rows.width) {
      fill_column(rows, i, tables);
    } else {
      fill_row(rows, i - rows.width, tables);
    }
  }
}

// Down the columns first and then along the row, in the order of write_crop.cc.
template <int kChannels>
__device__ inline void blend_rows(const CropRows<kChannels>& rows, const CropChannel& channel, const CropTables& tables) {
  int most = 0;
  for (int r = 0; r < kCropRows; ++r) most = max(most, tables.row_counts[r]);
  for (int i = static_cast<int>(threadIdx.x); i < rows.width * kChannels; i += kCropThreads) {
    const int x = i / kChannels;
    const CropSpan span = tables.columns[x];
    const uint8_t* pixel = rows.pixels + span.first * kChannels + channel.source;
    float values[kCropRows] = {};
    for (int j = 0; j < span.count; ++j, pixel += kChannels) {
      float column[kCropRows] = {};
      // The rows are loads enough at once.
#pragma unroll 1
      for (int k = 0; k < most; ++k) {
#pragma unroll
        for (int r = 0; r < kCropRows; ++r) {
          const CropRowTap tap = tables.row_taps[k * kCropRows + r];
          column[r] += tap.weight * static_cast<float>(pixel[tap.offset]);
        }
      }
      const float weight = tables.column_weights[j * rows.width + x];
#pragma unroll
      for (int r = 0; r < kCropRows; ++r) values[r] += weight * column[r];
    }
    write_rows(rows, channel, i, values);
  }
}

// A block has kCropRows rows of one image, of `image_blocks` blocks each: what its threads share is computed once.
template <int kChannels>
__global__ void __launch_bounds__(kCropThreads, kCropBlocks)
    crop_rows_kernel(const CropJob job, const uint8_t* __restrict__ images, float* __restrict__ output,
                     unsigned image_blocks, int most_taps) {
  extern __shared__ CropSpan shared[];
  const unsigned image = blockIdx.x / image_blocks;
  const ImageCrop& chosen = job.crops[image];
  const Crop& crop = chosen.crop;
  CropRows<kChannels> rows;
  rows.crop_height = static_cast<int>(crop.height);
  rows.crop_width = static_cast<int>(crop.width);
  rows.mirror_vertically = crop.mirror_vertically;
  rows.mirror_horizontally = crop.mirror_horizontally;
  rows.height = static_cast<int>(job.size.height);
  rows.width = static_cast<int>(job.size.width);
  rows.row_stride = static_cast<int>(job.stored.width) * kChannels;
  rows.top = static_cast<int>(blockIdx.x - image * image_blocks) * kCropRows;
  rows.count = min(kCropRows, rows.height - rows.top);
  rows.most_taps = most_taps;
  const bool copied = rows.crop_height == rows.height && rows.crop_width == rows.width;
  const CropTables tables = tables_in(shared, rows.width, most_taps);
  if (!copied) fill(rows, tables);
  __syncthreads();
  // Only now, so that few registers are taken while taps are computed.
  rows.pixels = images + (chosen.image * job.stored.height + crop.top) * rows.row_stride + crop.left * kChannels;
  rows.output = output + (static_cast<int64_t>(image) * rows.height + rows.top) * rows.width * kChannels;
  const CropChannel channel = channel_of<kChannels>(job.map);
  if (copied) {
    copy_rows(rows, channel);
  } else {
    blend_rows(rows, channel, tables);
  }
}

}  // namespace finepune::cuda
