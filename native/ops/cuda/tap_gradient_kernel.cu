#include "ops/cuda/tap_gradient_kernel.h"

#include <algorithm>

#include "ops/cuda/launch.h"
#include "ops/cuda/row_sums_kernel.h"
#include "ops/cuda/tap_tiles.cuh"
#include "ops/cuda/tensor_cores.cuh"

namespace finepune::cuda {

namespace {

// Which tile of the weight a block has.
struct TilePlace {
  int first_output, first_channel, first_tap_row;
};

template <typename Tile>
__device__ inline TilePlace tile_place(const TapGradients& job, int tile) {
  const int channel_tiles = job.channels / Tile::channels;
  constexpr int row_tiles = Tile::side / Tile::tap_rows;
  return {tile / (channel_tiles * row_tiles) * Tile::outputs, tile / row_tiles % channel_tiles * Tile::channels,
          tile % row_tiles * Tile::tap_rows};
}

// A chunk of rows of one image's gradients, and the way to the next.
struct Chunk {
  int64_t image;
  int row;

  __device__ static Chunk number(const TapGradients& job, int rows, int64_t number) {
    const int chunks = (job.height + rows - 1) / rows;
    return {number / chunks, static_cast<int>(number % chunks) * rows};
  }
  __device__ void advance(const TapGradients& job, int rows) {
    row += rows;
    if (row < job.height) return;
    row = 0;
    ++image;
  }
};

template <typename Tile>
class TileProducts {
 public:
  __device__ TileProducts(const TapGradients& job, int rows, const TilePlace& place, float* shared)
      : job_(job), place_(place), rows_(rows), shared_(shared) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const int warp = static_cast<int>(threadIdx.x) / 32;
    group_ = lane / 4;
    pixel_ = lane % 4;
    first_output_ = warp / Tile::warp_columns * Tile::left * 16;
    tap_row_ = warp % Tile::warp_columns / Tile::parts;
    first_channel_ = warp % Tile::parts * Tile::right * 8;
    image_width_ = Tile::image_width(job.width);
    pixels_ = Tile::pixels(rows, job.width);
    starts_ = reinterpret_cast<int*>(shared + 2 * Tile::stage_floats(rows, job.width));
    for (int i = static_cast<int>(threadIdx.x); i < pixels_; i += Tile::threads) {
      // Gradients of pixels beyond are zeros; any pixel of the image will do for them.
      const int start = i / job.width * image_width_ + i % job.width;
      starts_[i] = i < rows * job.width ? start * Tile::image_pitch : 0;
    }
  }

  // Adds the products of chunks [first, last) of all images' rows.
  __device__ void add_chunks(int64_t first, int64_t last) {
    Chunk chunk = Chunk::number(job_, rows_, first), next = chunk;
    if (first < last) begin_chunk(0, chunk);
    end_copy_group();
    int stage = 0;
    for (int64_t i = first; i < last; ++i) {
      next.advance(job_, rows_);
      if (i + 1 < last) begin_chunk(1 - stage, next);
      // Empty at the end: then, too, all but the last group are waited for.
      end_copy_group();
      wait_for_copies<1>();
      __syncthreads();
      multiply(stage, rows_of(chunk));
      // Before the chunk after the next takes the place of this one.
      __syncthreads();
      chunk = next;
      stage = 1 - stage;
    }
  }

  // Writes the tile of [outputs][side][side][channels].
  __device__ void store(float* weight) const {
    const int64_t output_floats = static_cast<int64_t>(Tile::side) * Tile::side * job_.channels;
    const int first_tap = (place_.first_tap_row + tap_row_) * Tile::side;
    const int first_channel = place_.first_channel + first_channel_ + 2 * pixel_;
#pragma unroll
    for (int j = 0; j < kFragments; ++j) {
      const int64_t tap = first_tap + j / Tile::right;
      const int channel = first_channel + j % Tile::right * 8;
#pragma unroll
      for (int i = 0; i < Tile::left; ++i) {
        const int output = place_.first_output + first_output_ + 16 * i + group_;
        float* to = weight + output * output_floats + tap * job_.channels + channel;
        const float* values = sums_[i][j].values;
        *reinterpret_cast<float2*>(to) = make_float2(values[0], values[1]);
        *reinterpret_cast<float2*>(to + 8 * output_floats) = make_float2(values[2], values[3]);
      }
    }
  }

 private:
  // A warp's for one row of taps.
  static constexpr int kFragments = Tile::side * Tile::right;

  __device__ int rows_of(const Chunk& chunk) const {
    const int left = job_.height - chunk.row;
    return left < rows_ ? left : rows_;
  }
  __device__ float* gradients(int stage) const { return shared_ + stage * Tile::stage_floats(rows_, job_.width); }
  __device__ float* image(int stage) const { return gradients(stage) + pixels_ * Tile::gradient_pitch; }

  __device__ void begin_chunk(int stage, const Chunk& chunk) {
    begin_gradients(gradients(stage), chunk.image * job_.height + chunk.row, rows_of(chunk) * job_.width);
    begin_image(image(stage), chunk.image, chunk.row + place_.first_tap_row - job_.top);
  }

  __device__ void begin_gradients(float* shared, int64_t first_row, int count) {
    constexpr int vectors = Tile::outputs / 4;
    const float* from = job_.gradients + first_row * job_.width * job_.outputs + place_.first_output;
    for (int i = static_cast<int>(threadIdx.x); i < pixels_ * vectors; i += Tile::threads) {
      const int pixel = i / vectors, output = i % vectors * 4;
      const bool valid = pixel < count;
      begin_copy(shared + pixel * Tile::gradient_pitch + output,
                 valid ? from + static_cast<int64_t>(pixel) * job_.outputs + output : job_.gradients, valid);
    }
  }

  // Rows from `first_row` on of image `number`; zeros outside it.
  __device__ void begin_image(float* shared, int64_t number, int first_row) {
    constexpr int vectors = Tile::channels / 4, step = Tile::threads / vectors;
    static_assert(Tile::threads % vectors == 0);
    const int channel = static_cast<int>(threadIdx.x) % vectors * 4;
    const float* from =
        job_.images + number * job_.image_height * job_.image_width * job_.channels + place_.first_channel + channel;
    const int count = Tile::image_pixels(rows_, job_.width);
    int pixel = static_cast<int>(threadIdx.x) / vectors;
    // Among the rows and columns in shared memory; found without dividing for each pixel.
    int row = pixel / image_width_, column = pixel % image_width_;
    while (pixel < count) {
      // Of the four columns more some are read by no tap.
      if (column < job_.width + Tile::side - 1) {
        const int y = first_row + row, x = column - job_.left;
        const bool valid = y >= 0 && y < job_.image_height && x >= 0 && x < job_.image_width;
        const int64_t place = (static_cast<int64_t>(y) * job_.image_width + x) * job_.channels;
        begin_copy(shared + pixel * Tile::image_pitch + channel, valid ? from + place : job_.images, valid);
      }
      pixel += step;
      for (column += step; column >= image_width_; column -= image_width_) ++row;
    }
  }

  __device__ void multiply(int stage, int rows) {
    const float* outputs = gradients(stage) + pixel_ * Tile::gradient_pitch + first_output_ + group_;
    const float* taps = image(stage) + tap_row_ * image_width_ * Tile::image_pitch + first_channel_ + group_;
    const int pixels = Tile::pixels(rows, job_.width);
    for (int pixel = 0; pixel < pixels; pixel += 8) {
      LeftFragment left[Tile::left];
#pragma unroll
      for (int i = 0; i < Tile::left; ++i) {
        const float* at = outputs + pixel * Tile::gradient_pitch + 16 * i;
        left[i] = {{fragment_bits(at[0]), fragment_bits(at[8]),
                    fragment_bits(at[4 * Tile::gradient_pitch]), fragment_bits(at[4 * Tile::gradient_pitch + 8])}};
      }
      const float* first = taps + starts_[pixel + pixel_];
      const float* second = taps + starts_[pixel + pixel_ + 4];
#pragma unroll
      for (int j = 0; j < kFragments; ++j) {
        // Known when compiled, so that no address is computed here.
        const int start = j / Tile::right * Tile::image_pitch + j % Tile::right * 8;
        const RightFragment right{{fragment_bits(first[start]), fragment_bits(second[start])}};
#pragma unroll
        for (int i = 0; i < Tile::left; ++i) multiply_add(sums_[i][j], left[i], right);
      }
    }
  }

  const TapGradients& job_;
  const TilePlace place_;
  const int rows_;
  float* const shared_;
  // Where pixels begin in a stage's image.
  int* starts_;
  // A warp's part of the tile, and which rows and columns of fragments are a lane's.
  int first_output_, tap_row_, first_channel_, group_, pixel_;
  int image_width_, pixels_;
  SumFragment sums_[Tile::left][kFragments] = {};
};

// Blocks of one split, which read the same pixels, stand side by side.
template <typename Tile>
__global__ void __launch_bounds__(Tile::threads, 1)
    tap_gradient_kernel(const TapGradients job, const TapPlan plan, float* sums) {
  extern __shared__ float4 tap_memory[];
  const int tiles = Tile::tiles(job);
  const int tile = static_cast<int>(blockIdx.x) % tiles, split = static_cast<int>(blockIdx.x) / tiles;
  TileProducts<Tile> products(job, plan.rows, tile_place<Tile>(job, tile), reinterpret_cast<float*>(tap_memory));
  // Of all images.
  const int64_t chunks = job.count * ((job.height + plan.rows - 1) / plan.rows);
  products.add_chunks(chunks * split / plan.splits, chunks * (split + 1) / plan.splits);
  products.store(sums + split * (static_cast<int64_t>(job.outputs) * Tile::side * Tile::side * job.channels));
}

// Later GPUs multiply at their full rate by instructions of their own, which libraries use and this kernel does not.
constexpr int kLastMajor = 9;

// What beginning a chunk costs, in pixels multiplied.
constexpr int kChunkPixels = 4;

// The rows of a chunk for which the fewest pixels are multiplied: those of an image, filled up to fragments. 0 where not
// even one row has room.
template <typename Tile>
int best_rows(const TapGradients& job) {
  const int64_t room = device_attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin);
  int best = 0;
  int64_t fewest = 0;
  for (int rows = 1; rows <= job.height && Tile::shared_bytes(rows, job.width) <= room; ++rows) {
    const int64_t rest = job.height % rows;
    int64_t cost = int64_t{job.height / rows} * (Tile::pixels(rows, job.width) + kChunkPixels);
    if (rest > 0) cost += Tile::pixels(static_cast<int>(rest), job.width) + kChunkPixels;
    if (best == 0 || cost < fewest) {
      best = rows;
      fewest = cost;
    }
  }
  return best;
}

}  // namespace

TapPlan plan_tap_gradients(const TapGradients& job) {
  if (job.count == 0 || job.height <= 0 || job.width <= 0) return {};
  if (device_attribute(cudaDevAttrComputeCapabilityMajor) > kLastMajor) return {};
  return with_tile(job, TapPlan{}, [&](auto tile) -> TapPlan {
    using Tile = decltype(tile);
    const int rows = best_rows<Tile>(job);
    if (rows == 0) return {};
    const int64_t chunks = job.count * ((job.height + rows - 1) / rows);
    const int64_t wanted = std::max(1, device_attribute(cudaDevAttrMultiProcessorCount) / Tile::tiles(job));
    return {static_cast<int32_t>(std::min(wanted, chunks)), rows};
  });
}

void launch_tap_gradients(const TapGradients& job, const TapPlan& plan, float* scratch, float* weight,
                          cudaStream_t stream) {
  const bool splits = plan.splits > 1;
  with_tile(job, false, [&](auto tile) {
    using Tile = decltype(tile);
    const auto bytes = static_cast<size_t>(Tile::shared_bytes(plan.rows, job.width));
    allow_most_shared_memory(tap_gradient_kernel<Tile>);
    const auto blocks = static_cast<unsigned>(Tile::tiles(job) * plan.splits);
    tap_gradient_kernel<Tile><<<blocks, Tile::threads, bytes, stream>>>(job, plan, splits ? scratch : weight);
    check_launch("gradients by taps");
    return true;
  });
  if (!splits) return;
  const int64_t floats = int64_t{job.outputs} * job.side * job.side * job.channels;
  launch_row_sums({Element::float32, scratch, plan.splits, floats}, weight, stream);
}

}  // namespace finepune::cuda
