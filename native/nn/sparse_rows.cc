#include "sparse_rows.h"

#include <algorithm>
#include <bit>

#include <emmintrin.h>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

namespace finepune {
namespace {

// A weight as it lies: [out][tap][in / groups].
struct WeightView {
  explicit WeightView(const at::Tensor& weight)
      : values(weight.const_data_ptr<float>()),
        outputs(weight.size(0)),
        inputs(weight.size(1)),
        taps(weight.numel() / std::max<int64_t>(1, outputs * inputs)) {}
  const float* row(int64_t output, int64_t tap) const { return values + (output * taps + tap) * inputs; }

  const float* values;
  int64_t outputs, inputs, taps;
};

// visit(i) for every i in [first, last) with a value other than 0, ascending; four at a time, because most are 0.
template <typename Visit>
void for_each_kept(const float* values, int64_t first, int64_t last, const Visit& visit) {
  int64_t i = first;
  for (; i + 4 <= last; i += 4) {
    auto kept = static_cast<unsigned>(_mm_movemask_ps(_mm_cmpneq_ps(_mm_loadu_ps(values + i), _mm_setzero_ps())));
    for (; kept != 0; kept &= kept - 1) visit(i + std::countr_zero(kept));
  }
  for (; i < last; ++i) {
    if (values[i] != 0) visit(i);
  }
}

int64_t count_kept(const float* values, int64_t first, int64_t last) {
  __m128i counts = _mm_setzero_si128();
  int64_t i = first, count = 0;
  // A value that is kept counts as -1 in its lane.
  for (; i + 4 <= last; i += 4) {
    counts = _mm_add_epi32(counts, _mm_castps_si128(_mm_cmpneq_ps(_mm_loadu_ps(values + i), _mm_setzero_ps())));
  }
  alignas(16) int32_t lanes[4];
  _mm_store_si128(reinterpret_cast<__m128i*>(lanes), counts);
  for (const int32_t lane : lanes) count -= lane;
  for (; i < last; ++i) count += values[i] != 0;
  return count;
}

SparseRows empty_rows(int64_t rows, int64_t channels, int64_t block_channels) {
  SparseRows sparse;
  sparse.rows = rows;
  sparse.block_channels = block_channels;
  sparse.blocks = (channels + block_channels - 1) / block_channels;
  sparse.starts = at::zeros({sparse.blocks * (rows + 1)}, at::kLong);
  return sparse;
}

struct Entries {
  int64_t* starts;
  uint16_t* offsets = nullptr;
  float* values = nullptr;

  explicit Entries(SparseRows& sparse) : starts(sparse.starts.mutable_data_ptr<int64_t>()) {}

  // From the number of entries of every row, at the place of its start, to the starts. Makes room for the entries.
  void make_room(SparseRows& sparse) {
    int64_t sum = 0;
    for (int64_t i = 0; i < sparse.starts.numel(); ++i) {
      const int64_t count = starts[i];
      starts[i] = sum;
      sum += count;
    }
    sparse.offsets = at::empty({sum}, at::kShort);
    sparse.values = at::empty({sum}, at::kFloat);
    offsets = reinterpret_cast<uint16_t*>(sparse.offsets.mutable_data_ptr<int16_t>());
    values = sparse.values.mutable_data_ptr<float>();
  }
  void put(int64_t at, uint16_t offset, float value) const {
    offsets[at] = offset;
    values[at] = value;
  }
};

}  // namespace

SparseRows rows_of_outputs(const at::Tensor& weight, const RowTaps& taps, int64_t block_channels) {
  const WeightView view(weight);
  SparseRows sparse = empty_rows(view.outputs, view.inputs, block_channels);
  Entries entries(sparse);
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
      count += count_kept(view.row(row, tap), first, last);
    }
    entries.starts[place] = count;
  });
  entries.make_room(sparse);
  each_row([&](int64_t row, int64_t first, int64_t last, int64_t place) {
    int64_t at = entries.starts[place];
    for (int64_t tap = 0; tap < view.taps; ++tap) {
      const float* values = view.row(row, tap);
      const int64_t offset = taps.taps[static_cast<size_t>(tap)];
      for_each_kept(values, first, last, [&](int64_t c) {
        entries.put(at++, static_cast<uint16_t>((c - first) * taps.plane + offset), values[c]);
      });
    }
  });
  return sparse;
}

SparseRows rows_of_inputs(const at::Tensor& weight, int64_t groups, const RowTaps& taps, int64_t block_channels) {
  const WeightView view(weight);
  const int64_t outputs = view.outputs / groups;
  SparseRows sparse = empty_rows(groups * view.inputs, outputs, block_channels);
  Entries entries(sparse);
  // A block of output channels of one group is all of the rows of that group: no two touch the same entries.
  const auto each_part = [&](const auto& visit) {
    at::parallel_for(0, groups * sparse.blocks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) {
        const int64_t group = part / sparse.blocks, block = part % sparse.blocks;
        const int64_t first = block * block_channels, last = std::min(first + block_channels, outputs);
        visit(group * outputs, first, last, entries.starts + block * (sparse.rows + 1) + group * view.inputs);
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
  entries.make_room(sparse);
  each_part([&](int64_t group, int64_t first, int64_t last, const int64_t* starts) {
    std::vector<int64_t> next(starts, starts + view.inputs);
    for (int64_t output = first; output < last; ++output) {
      for (int64_t tap = 0; tap < view.taps; ++tap) {
        const float* values = view.row(group + output, tap);
        const auto offset = static_cast<uint16_t>((output - first) * taps.plane +
                                                  taps.taps[static_cast<size_t>(view.taps - 1 - tap)]);
        for_each_kept(values, 0, view.inputs, [&](int64_t c) {
          entries.put(next[static_cast<size_t>(c)]++, offset, values[c]);
        });
      }
    }
  });
  return sparse;
}

}  // namespace finepune
