#include "patches.h"

#include <algorithm>
#include <cstring>

namespace finepune {
namespace {

using cpu::kPanelChannels;

void copy_floats(const float* from, int64_t count, float* to) {
  constexpr int64_t kTogether = 4;
  int64_t i = 0;
  for (; i + kTogether <= count; i += kTogether) std::memcpy(to + i, from + i, kTogether * sizeof(float));
  for (; i < count; ++i) to[i] = from[i];
}

}  // namespace

PatchLayout::PatchLayout(const std::array<int64_t, 2>& kernel, const std::array<int64_t, 2>& strides, int64_t channels,
                         int64_t width)
    : values_(kernel[0] * kernel[1] * channels), step_(strides[1] * channels), row_step_(strides[0] * width * channels) {
  const int64_t row = kernel[1] * channels;
  for (int64_t place = 0; place < values_;) {
    const int64_t within = place % row, panel = place / kPanelChannels;
    const int64_t count = std::min(row - within, (panel + 1) * kPanelChannels - place);
    pieces_.push_back({place / row * width * channels + within, panel, place % kPanelChannels, count});
    place += count;
  }
}

void PatchLayout::fill_ends(int64_t pixels, float* patches) const {
  float* last = patches + (panels() - 1) * pixels * kPanelChannels;
  const int64_t one = values_ % kPanelChannels;
  for (int64_t pixel = 0; pixel < pixels; ++pixel, last += kPanelChannels) {
    last[one] = 1;
    std::fill(last + one + 1, last + kPanelChannels, 0.0f);
  }
}

void PatchLayout::write(const float* image, int64_t first_row, int64_t rows, int64_t outputs, int64_t pixels,
                        float* patches) const {
  for (const Piece& piece : pieces_) {
    float* to = patches + piece.panel * pixels * kPanelChannels + piece.place;
    for (int64_t y = 0; y < rows; ++y) {
      const float* from = image + (first_row + y) * row_step_ + piece.from;
      for (int64_t x = 0; x < outputs; ++x, from += step_, to += kPanelChannels) copy_floats(from, piece.count, to);
    }
  }
}

}  // namespace finepune
