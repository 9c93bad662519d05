#include "packed_weight.h"

#include <algorithm>
#include <mutex>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

namespace finepune {
namespace {

// Entries of one allocation: many pieces, so that little of it is left over.
constexpr int64_t kRoomEntries = 1 << 19;
// What DirectKernels::pack writes past the last entry.
constexpr int64_t kSlack = 8;

// Memory that a thread fills with entries, one piece behind the other.
struct Room {
  at::Tensor offsets, values;
  int64_t used = 0, size = 0;

  uint16_t* offset_place() const { return reinterpret_cast<uint16_t*>(offsets.mutable_data_ptr<int16_t>()) + used; }
  float* value_place() const { return values.mutable_data_ptr<float>() + used; }
};

Room make_room(int64_t size) { return {at::empty({size}, at::kShort), at::empty({size}, at::kFloat), 0, size}; }

}  // namespace

int64_t PackedWeight::rows_of(int64_t group) const { return std::min(kPieceRows, rows_ - group * kPieceRows); }
int64_t PackedWeight::inputs_of(int64_t block) const { return std::min(kPieceInputs, inputs_ - block * kPieceInputs); }

PackedWeight::PackedWeight(const at::Tensor& weight, const cpu::DirectKernels& kernels)
    : rows_(weight.size(0)), inputs_(weight.size(1)), pieces_(static_cast<size_t>(row_groups() * blocks())) {
  const float* from = weight.const_data_ptr<float>();
  const at::Tensor all_starts = at::empty({row_groups() * blocks() * (kPieceRows + 1)}, at::kLong);
  int64_t* starts_memory = all_starts.mutable_data_ptr<int64_t>();
  memory_.push_back(all_starts);
  std::mutex mutex;
  at::parallel_for(0, row_groups(), 1, [&](int64_t begin, int64_t end) {
    Room room;
    for (int64_t item = begin * blocks(); item < end * blocks(); ++item) {
      const int64_t group = item / blocks(), block = item % blocks();
      const int64_t most = rows_of(group) * inputs_of(block) + kSlack;
      if (room.size - room.used < most) {
        room = make_room(std::max(most, std::min(kRoomEntries, (end - begin) * kPieceRows * inputs_ + kSlack)));
        const std::lock_guard<std::mutex> lock(mutex);
        memory_.insert(memory_.end(), {room.offsets, room.values});
      }
      uint16_t* offsets = room.offset_place();
      float* values = room.value_place();
      int64_t* starts = starts_memory + item * (kPieceRows + 1);
      starts[0] = 0;
      for (int64_t row = 0; row < rows_of(group); ++row) {
        starts[row + 1] = starts[row] + kernels.pack(from + (group * kPieceRows + row) * inputs_ + block * kPieceInputs,
                                                     inputs_of(block), offsets + starts[row], values + starts[row]);
      }
      room.used += starts[rows_of(group)];
      pieces_[static_cast<size_t>(item)] = {offsets, values, starts};
    }
  });
}

}  // namespace finepune
