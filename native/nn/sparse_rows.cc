#include "sparse_rows.h"

#include <algorithm>

#include <ATen/Parallel.h>

namespace finepune {
namespace {

// A weight as it lies: [out][tap][in / groups].
struct WeightView {
  explicit WeightView(const at::Tensor& weight)
      : values(weight.const_data_ptr<float>()),
        outputs(weight.size(0)),
        inputs(weight.size(1)),
        taps(weight.size(2) * weight.size(3)) {}
  const float* row(int64_t output, int64_t tap) const { return values + (output * taps + tap) * inputs; }

  const float* values;
  int64_t outputs, inputs, taps;
};

SparseRows empty_rows(int64_t rows, int64_t channels, int64_t block_channels) {
  SparseRows sparse;
  sparse.rows = rows;
  sparse.block_channels = block_channels;
  sparse.blocks = (channels + block_channels - 1) / block_channels;
  sparse.starts.assign(static_cast<size_t>(sparse.blocks * (rows + 1)), 0);
  return sparse;
}

// From the number of entries of every row, at the place of its start, to the starts. Makes room for the entries.
void counts_to_starts(SparseRows& sparse) {
  int64_t sum = 0;
  for (int64_t& start : sparse.starts) {
    const int64_t count = start;
    start = sum;
    sum += count;
  }
  sparse.offsets.resize(static_cast<size_t>(sum));
  sparse.values.resize(static_cast<size_t>(sum));
}

}  // namespace

SparseRows rows_of_outputs(const at::Tensor& weight, const RowTaps& taps, int64_t block_channels) {
  const WeightView view(weight);
  SparseRows sparse = empty_rows(view.outputs, view.inputs, block_channels);
  // visit(block, first, last) for each block of each row.
  const auto each_row = [&](const auto& visit) {
    at::parallel_for(0, view.outputs, 8, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        for (int64_t block = 0; block < sparse.blocks; ++block) {
          const int64_t first = block * block_channels;
          visit(row, first, std::min(first + block_channels, view.inputs), block * (sparse.rows + 1) + row);
        }
      }
    });
  };
  each_row([&](int64_t row, int64_t first, int64_t last, int64_t place) {
    int64_t count = 0;
    for (int64_t tap = 0; tap < view.taps; ++tap) {
      const float* values = view.row(row, tap);
      for (int64_t c = first; c < last; ++c) count += values[c] != 0;
    }
    sparse.starts[static_cast<size_t>(place)] = count;
  });
  counts_to_starts(sparse);
  each_row([&](int64_t row, int64_t first, int64_t last, int64_t place) {
    int64_t at = sparse.starts[static_cast<size_t>(place)];
    for (int64_t tap = 0; tap < view.taps; ++tap) {
      const float* values = view.row(row, tap);
      for (int64_t c = first; c < last; ++c) {
        if (values[c] == 0) continue;
        sparse.offsets[static_cast<size_t>(at)] =
            static_cast<uint16_t>((c - first) * taps.plane + taps.taps[static_cast<size_t>(tap)]);
        sparse.values[static_cast<size_t>(at++)] = values[c];
      }
    }
  });
  return sparse;
}

SparseRows rows_of_inputs(const at::Tensor& weight, int64_t groups, const RowTaps& taps, int64_t block_channels) {
  const WeightView view(weight);
  const int64_t outputs = view.outputs / groups;
  SparseRows sparse = empty_rows(groups * view.inputs, outputs, block_channels);
  // A block of output channels of one group is all of the rows of that group: no two touch the same entries.
  const auto each_part = [&](const auto& visit) {
    at::parallel_for(0, groups * sparse.blocks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) {
        const int64_t group = part / sparse.blocks, block = part % sparse.blocks;
        const int64_t first = block * block_channels, last = std::min(first + block_channels, outputs);
        visit(group * outputs, first, last, sparse.starts.data() + block * (sparse.rows + 1) + group * view.inputs);
      }
    });
  };
  each_part([&](int64_t group, int64_t first, int64_t last, int64_t* counts) {
    for (int64_t output = first; output < last; ++output) {
      for (int64_t tap = 0; tap < view.taps; ++tap) {
        const float* values = view.row(group + output, tap);
        for (int64_t c = 0; c < view.inputs; ++c) counts[c] += values[c] != 0;
      }
    }
  });
  counts_to_starts(sparse);
  each_part([&](int64_t group, int64_t first, int64_t last, const int64_t* starts) {
    std::vector<int64_t> next(starts, starts + view.inputs);
    for (int64_t output = first; output < last; ++output) {
      for (int64_t tap = 0; tap < view.taps; ++tap) {
        const float* values = view.row(group + output, tap);
        const auto offset = static_cast<uint16_t>((output - first) * taps.plane +
                                                  taps.taps[static_cast<size_t>(view.taps - 1 - tap)]);
        for (int64_t c = 0; c < view.inputs; ++c) {
          if (values[c] == 0) continue;
          const auto at = static_cast<size_t>(next[static_cast<size_t>(c)]++);
          sparse.offsets[at] = offset;
          sparse.values[at] = values[c];
        }
      }
    }
  });
  return sparse;
}

}  // namespace finepune
