// The non-zeros of a convolution's weights, row by row, as the sparse kernel reads them; made anew for every pass,
// because between two of them the weights and their mask move.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

namespace finepune {

// Which pixels a row reads: `taps` offsets in planes of `plane` pixels.
struct RowTaps {
  std::vector<int64_t> taps;
  int64_t plane = 0;
};

// In tensors, whose memory is kept from one pass to the next.
struct SparseRows {
  // Row r of block b has the entries [block(b)[r], block(b)[r + 1]).
  int64_t rows = 0, blocks = 0, block_channels = 0;
  // int64 [blocks * (rows + 1)]; int16 [entries], bit patterns of uint16, pixels from the block's first plane on; float32
  // [entries].
  at::Tensor starts, offsets, values;

  const int64_t* block_starts(int64_t block) const { return starts.const_data_ptr<int64_t>() + block * (rows + 1); }
  const uint16_t* entry_offsets() const {
    return reinterpret_cast<const uint16_t*>(offsets.const_data_ptr<int16_t>());
  }
  const float* entry_values() const { return values.const_data_ptr<float>(); }
};

// `weight`: [out, in / groups, height, width], float32, channels_last. A row for every output channel;
// blocks are `block_channels` of a group's input channels. `block_channels` planes must be no more than 65,536 pixels.
SparseRows rows_of_outputs(const at::Tensor& weight, const RowTaps& taps, int64_t block_channels);

// A row for every input channel, of `groups` groups, which reads output channels through the taps turned round: the
// convolution's gradient by its input. Blocks are `block_channels` of a group's output channels.
SparseRows rows_of_inputs(const at::Tensor& weight, int64_t groups, const RowTaps& taps, int64_t block_channels);

}  // namespace finepune
