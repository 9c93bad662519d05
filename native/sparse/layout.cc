#include "sparse/layout.h"

#include <cstring>

#include "ops/error.h"
#include "sparse/gap_coder.h"

namespace finepune {

namespace {

constexpr uint8_t kTwoStates = 1;
constexpr uint8_t kExtended = 2;
constexpr uint8_t kCodebook = 4;
// In the place of the dropped mantissa bits: this plus an index into kLevelShares, and none are dropped.
constexpr uint32_t kLevels = 23;

void append_varint(std::vector<uint8_t>& bytes, uint64_t value) {
  while (value >= 0x80) {
    bytes.push_back(static_cast<uint8_t>(value) | 0x80);
    value >>= 7;
  }
  bytes.push_back(static_cast<uint8_t>(value));
}

// Reads from the front of a span, never past its end.
class Bytes {
 public:
  explicit Bytes(std::span<const uint8_t> bytes) : left_(bytes) {}

  std::span<const uint8_t> take(size_t count) {
    if (count > left_.size()) coded_tensor_damaged("it ends early");
    const auto taken = left_.first(count);
    left_ = left_.subspan(count);
    return taken;
  }

  uint8_t byte() { return take(1)[0]; }

  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 63; shift += 7) {
      const uint8_t next = byte();
      value |= static_cast<uint64_t>(next & 0x7F) << shift;
      if ((next & 0x80) == 0) return value;
    }
    coded_tensor_damaged("a count is too long");
  }

  size_t size() const { return left_.size(); }

 private:
  std::span<const uint8_t> left_;
};

// Classes of neighbouring columns are alike: a model for each class before.
std::vector<NibbleModel> class_models() { return std::vector<NibbleModel>(16, NibbleModel::uniform()); }

std::vector<uint8_t> code_classes(std::span<const uint8_t> classes) {
  std::vector<NibbleModel> models = class_models();
  BlockWriter writer;
  uint32_t before = 0;
  for (const uint8_t column : classes) {
    writer.symbol(models[before], column, 0);
    before = column;
  }
  std::vector<uint8_t> coded;
  writer.finish(1, coded);
  return coded;
}

std::vector<uint8_t> read_classes(std::span<const uint8_t> coded, size_t count) {
  std::vector<NibbleModel> models = class_models();
  BlockReader reader(coded.data(), coded.size(), coded.size());
  uint32_t state = reader.state();
  std::vector<uint8_t> classes(count);
  uint32_t before = 0;
  for (uint8_t& column : classes) column = static_cast<uint8_t>(before = decode_symbol(models[before], state, reader));
  if (!reader.finished() || state != kLowestState) coded_tensor_damaged("its column classes do not end well");
  return classes;
}

void read_blocks(Bytes& bytes, size_t count, std::vector<CodedBlock>& blocks) {
  // A size of a byte at least stands for every block but the last.
  if (count > bytes.size() + 1) coded_tensor_damaged("it has too few blocks");
  std::vector<uint64_t> sizes(count);
  uint64_t sum = 0;
  for (size_t i = 0; i + 1 < count; ++i) {
    sizes[i] = bytes.varint();
    if (sizes[i] > bytes.size()) coded_tensor_damaged("a block ends past the end");
    sum += sizes[i];
  }
  if (sum > bytes.size()) coded_tensor_damaged("its blocks end past the end");
  sizes[count - 1] = bytes.size() - sum;
  blocks.reserve(count);
  for (const uint64_t size : sizes) {
    const size_t readable = bytes.size();
    blocks.push_back({bytes.take(size).data(), size, readable});
  }
}

}  // namespace

void coded_tensor_damaged(const std::string& what) {
  throw Error("E_MODEL_FILE", "the coded tensor is damaged: " + what + "; the file must be written again");
}

ColumnOrder order_columns(std::span<const uint8_t> classes) {
  ColumnOrder order;
  order.groups.resize(16);
  for (size_t i = 0; i < classes.size(); ++i) {
    order.groups[classes[i]].columns.push_back(static_cast<uint32_t>(i));
  }
  std::erase_if(order.groups, [](const ColumnOrder::Group& group) { return group.columns.empty(); });
  return order;
}

void write_layout(const TensorLayout& layout, size_t length, std::span<const size_t> sizes,
                  std::vector<uint8_t>& bytes) {
  const bool extended = layout.block_length < length || !layout.classes.empty();
  bytes.push_back(static_cast<uint8_t>(
      (layout.two_states ? kTwoStates : 0) | (extended ? kExtended : 0) | (layout.codebook.empty() ? 0 : kCodebook) |
      (layout.floats.levels > 0 ? kLevels + layout.floats.levels : layout.floats.dropped) << 3));
  bytes.push_back(static_cast<uint8_t>(layout.gap_index));
  if (layout.codebook.empty()) {
    bytes.push_back(static_cast<uint8_t>(layout.floats.top_exponent));
  } else {
    bytes.push_back(static_cast<uint8_t>(layout.codebook.size() - 1));
    const size_t at = bytes.size();
    bytes.resize(at + 4 * layout.codebook.size());
    std::memcpy(bytes.data() + at, layout.codebook.data(), 4 * layout.codebook.size());
  }
  if (!extended) return;
  append_varint(bytes, layout.block_length);
  append_varint(bytes, layout.classes.size());
  if (!layout.classes.empty()) {
    const std::vector<uint8_t> coded = code_classes(layout.classes);
    append_varint(bytes, coded.size());
    bytes.insert(bytes.end(), coded.begin(), coded.end());
  }
  for (size_t i = 0; i + 1 < sizes.size(); ++i) append_varint(bytes, sizes[i]);
}

TensorLayout read_layout(std::span<const uint8_t> coded, size_t length, std::vector<CodedBlock>& blocks) {
  Bytes bytes(coded);
  TensorLayout layout;
  const uint8_t flags = bytes.byte();
  layout.two_states = (flags & kTwoStates) != 0;
  layout.floats.levels = flags >> 3 > kLevels ? (flags >> 3) - kLevels : 0;
  if (layout.floats.levels >= kLevelShares.size())
    coded_tensor_damaged("its first distribution of exponents is unknown");
  layout.floats.dropped = layout.floats.levels > 0 ? 0 : flags >> 3;
  layout.gap_index = bytes.byte();
  if (layout.gap_index > kNoGaps) coded_tensor_damaged("its first gap is out of range");
  layout.floats.top_exponent = bytes.byte();
  if ((flags & kCodebook) != 0) {
    if (flags >> 3 != 0) coded_tensor_damaged("it has a codebook and drops mantissa bits");
    layout.codebook.resize(layout.floats.top_exponent + 1);
    const auto entries = bytes.take(4 * layout.codebook.size());
    std::memcpy(layout.codebook.data(), entries.data(), entries.size());
  }
  layout.block_length = length;
  if ((flags & kExtended) != 0) {
    const uint64_t block_length = bytes.varint();
    const uint64_t row_length = bytes.varint();
    if (block_length == 0 || block_length > length) coded_tensor_damaged("its blocks have an impossible length");
    if (row_length > 0 && (block_length % row_length != 0 || length % row_length != 0)) {
      coded_tensor_damaged("its blocks are no whole rows");
    }
    layout.block_length = block_length;
    if (row_length > 0) layout.classes = read_classes(bytes.take(bytes.varint()), row_length);
  }
  const size_t count = length == 0 ? 1 : (length - 1) / layout.block_length + 1;
  read_blocks(bytes, count, blocks);
  return layout;
}

}  // namespace finepune
