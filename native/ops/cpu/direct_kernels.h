// Kernels of serving: direct convolution with dense and with sparse weights, and the products of linear layers, one set
// an instruction set. Included by files compiled for other instruction sets than the rest, so it must bring in no
// inline code.
//
// Notation: a plane is one channel, rows of `row_stride` pixels one after the other; a pixel is `pixel` floats, one of
// each image that is computed together (1, or 16). A convolution reads planes that carry their padding, and computes
// consecutive pixels of the output in the planes' own row stride: the columns between two rows come out as garbage and
// are left behind when rows are written.
#pragma once

#include <cstdint>

#include "ops/cpu/placed_pool.h"
#include "ops/cpu/tile_kernels.h"

namespace finepune::cpu {

// Floats of the longest vector. What lies past the end of a row is read with it: one less than a vector of it, or as
// PoolRow says.
constexpr int64_t kMostLanes = 16;
constexpr int64_t kMostReadPast = 3 * kMostLanes - 3;

// Sums of `rows` output channels over `vectors` vectors of consecutive output floats; with `bias`, one a row, finished as
// write_rows does it, min(max(sum + bias[r], low), high) with NaN left as it is.
//   output[r * output_stride + i] = sum over c, k of weights[(c * tap_count + k) * rows + r]
//                                                     * input[c * channel_stride + taps[k] + i]
struct DenseTile {
  const float* input;
  int64_t channels, channel_stride;
  const int32_t* taps;
  int64_t tap_count;
  const float* weights;
  // 1, 2, 4 or 8.
  int64_t rows;
  int64_t vectors;
  float* output;
  int64_t output_stride;
  // Adds to the output what else is written there; only where the kernels read panels.
  bool accumulate = false;
  const float* bias = nullptr;
  float low = 0, high = 0;
};

// Panels: what consecutive outputs read, column by column of the weights, so that the dense kernel reads memory from
// one end to the other. As they lie, planes are read across cache lines, and only a line or two of each. The outputs of
// a panel may be of several rows, each a part: of column c * tap_count + k,
//   panels[part.to + column * part.step + i] = input[c * channel_stride + taps[k] + part.from + i]  for i < part.count
// Up to one less than a vector past the end of each part is read, and written: parts of one panel must ascend, and a
// vector must lie between panels.
struct PanelPart {
  int64_t from, count, to, step;
};
struct PanelCopy {
  const float* input;
  int64_t channels, channel_stride;
  const int32_t* taps;
  int64_t tap_count;
  const PanelPart* parts;
  int64_t part_count;
  float* panels;
};

// Sums of `rows` output channels; Park et al., "Faster CNNs with Direct Sparse Convolutions and Guided Pruning", ICLR
// 2017, section 2.1: the non-zeros are streamed, the outputs stay in registers.
//   output[r * output_stride + i] = (accumulate ? output[r * output_stride + i] : 0)
//                                   + sum over j in [starts[r], starts[r + 1]) of values[j] * input[offsets[j] * pixel + i]
struct SparseTile {
  const float* input;
  const uint16_t* offsets;
  const float* values;
  const int64_t* starts;
  int64_t rows;
  int64_t pixel;
  int64_t vectors;
  float* output;
  int64_t output_stride;
  bool accumulate;
};

// The same weights the other way round: what a row's outputs add to the inputs its non-zeros read.
//   output[offsets[j] * pixel + i] += values[j] * input[r * pixel + i]  for j in [starts[r], starts[r + 1])
struct ScatterTile {
  const float* input;
  const uint16_t* offsets;
  const float* values;
  const int64_t* starts;
  int64_t rows;
  int64_t pixel;
  int64_t vectors;
  float* output;
};

// Products of kCorrelatedOutputs planes with kCorrelatedInputs others, each shifted by every tap: the gradient of a
// convolution by its weights. Whole vectors of both are multiplied.
//   sums[(k * kCorrelatedOutputs + o) * kCorrelatedInputs + i] = sum over j < vectors * lanes of outputs[o][j]
//                                                                * inputs[i][taps[k] + j]
constexpr int kCorrelatedOutputs = 3, kCorrelatedInputs = 4;
struct CorrelationTile {
  const float* outputs[kCorrelatedOutputs];
  const float* inputs[kCorrelatedInputs];
  const int32_t* taps;
  int64_t tap_count;
  int64_t vectors;
  float* sums;
};

// Sums of four output channels; the output of row r starts at output + r * output_stride. Entries are sorted by the
// pattern of rows that have a non-zero there (bit r for row r), patterns ascending; an entry has one value a row of its
// pattern, rows ascending. An input vector is loaded once for all of them: most single images are read across cache
// lines and the 32-byte halves of one, where loads and not multiplications are what takes time.
struct MergedTile {
  const float* input;
  const uint16_t* offsets;
  const float* values;
  // [16]: entries of each pattern; the first is the number of all.
  const int32_t* counts;
  int64_t pixel;
  int64_t vectors;
  float* output;
  int64_t output_stride;
  bool accumulate;
};

// Products of the columns [first, last) of sparse weights with an input of which many are zero, added to `sums`:
//   sums[rows[j]] += values[j] * input[c]  for j in [starts[c], starts[c + 1]) where input[c] is not 0
struct ColumnTile {
  const float* input;
  int64_t first, last;
  const int64_t* starts;
  const uint16_t* rows;
  const float* values;
  float* sums;
};

// Rows of input as F(4, 3) or F(4, 5) multiplies them with its weights, and the sums of the products as up to four
// finished rows of output: B^T and A^T of Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, equation 15,
// down the columns, at the points 0, 1, -1, 2, -2, infinity and, for five taps, 1/2 and -1/2. `points`: as many products
// and rows of input, 6 or 8. Vectors are whole: up to one less than a vector past `count` is read and written.
struct WinogradInput {
  int64_t points;
  const float* rows[8];
  int64_t count;
  // Of the first product; the others each `output_stride` further.
  float* output;
  int64_t output_stride;
};

// Rows of finished values: output[i] = min(max(sums[i] + bias + residual[i], low), high) for i < count, and the same
// for the rows after it, each its stride further; NaN stays NaN.
struct RowsWrite {
  const float* sums;
  // Null: nothing is added.
  const float* residual;
  float* output;
  int64_t count;
  float bias, low, high;
  int64_t rows = 1, sums_stride = 0, residual_stride = 0, output_stride = 0;
};

// `write.sums` are those of the first product, and the others' follow each `write.sums_stride` further: whole vectors
// are read. At most four rows.
struct WinogradOutput {
  int64_t points;
  RowsWrite write;
};

// Maximum or sum over the windows of one row of output pixels. Output pixel i covers the columns from
// i * stride - left on, and `rows` rows from `input` on; what lies outside the `width` columns counts as nothing. Up to
// three vectors less three floats past the end of each row are read.
struct PoolRow {
  const float* input;
  int64_t row_stride, rows, width, left, window_width, stride, pixel, count;
  float* output;
  // Room for (count - 1) * stride + window_width pixels, and for left + width, and for 3 vectors more.
  float* scratch;
};

// y[c][i] = x[c][i] * (bias + alpha / size * sum of x[j][i]^2 over the window of c)^-beta for `count` floats of each
// of `channels` planes; the formula of native/nn/local_response_kernel.h.
struct ResponseRow {
  const float* input;
  float* output;
  int64_t input_stride, output_stride, channels, count, before, after;
  // alpha / size
  float alpha, beta, bias;
};

struct DirectKernels {
  const char* name;
  // Floats of one vector, how many vectors of a row `merged` keeps in registers, and how many a panel has; 0 where
  // `dense` is as fast without.
  int64_t lanes, merged_vectors, panel_vectors;
  void (*dense)(const DenseTile&);
  void (*copy_panels)(const PanelCopy&);
  void (*sparse)(const SparseTile&);
  void (*scatter)(const ScatterTile&);
  void (*correlate)(const CorrelationTile&);
  void (*merged)(const MergedTile&);
  void (*winograd_input)(const WinogradInput&);
  void (*winograd_output)(const WinogradOutput&);
  // output[r] = sum over i of weights[8 * i + r] * input[i], for r < 8.
  void (*panel_dot)(const float* weights, const float* input, int64_t count, float* output);
  // Sum of values[j] * input[offsets[j]].
  float (*sparse_dot)(const uint16_t* offsets, const float* values, int64_t count, const float* input);
  void (*sparse_columns)(const ColumnTile&);
  // Of values[i], i < count <= 65,536, those other than 0 (NaN is), in order: kept[j] = values[i], offsets[j] = i. Returns
  // their number; up to eight places past the last may be written.
  int64_t (*pack)(const float* values, int64_t count, uint16_t* offsets, float* kept);
  void (*write_rows)(const RowsWrite&);
  void (*max_row)(const PoolRow&);
  void (*sum_row)(const PoolRow&);
  void (*placed_max_row)(const PlacedMaxRow&);
  void (*placed_gradient_row)(const PlacedGradientRow&);
  void (*response)(const ResponseRow&);
  const TileKernels* tiles;
};

extern const DirectKernels direct_portable, direct_avx2, direct_avx512;

// The kernels this CPU can run, the best one last; `count` receives their number (1 to 3).
const DirectKernels* const* direct_kernels(int* count);

}  // namespace finepune::cpu
