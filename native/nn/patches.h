// What each output pixel of a convolution reads, beside each other: the rows of a matrix that its weights multiply.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "ops/cpu/tile_kernels.h"

namespace finepune {

// A patch is the pixels under the kernel as they lie in channels_last memory, one 1 for the bias, and zeros up to whole
// panels of sixteen.
class PatchLayout {
 public:
  // Of images with `channels` channels and rows of `width` pixels.
  PatchLayout(const std::array<int64_t, 2>& kernel, const std::array<int64_t, 2>& strides, int64_t channels, int64_t width);

  // Values before the 1.
  int64_t values() const { return values_; }
  int64_t panels() const { return values_ / cpu::kPanelChannels + 1; }

  // Panels of `pixels` patches that hold the ones and zeros.
  void fill_ends(int64_t pixels, float* patches) const;

  // Writes the patches of `rows` rows of `outputs` pixels, the first at `first_row`, of one image; a panel has `pixels`.
  void write(const float* image, int64_t first_row, int64_t rows, int64_t outputs, int64_t pixels, float* patches) const;

 private:
  // Values of one row of the kernel that lie in one panel.
  struct Piece {
    int64_t from, panel, place, count;
  };

  int64_t values_;
  // From a pixel's patch to the next one's, and to the one below.
  int64_t step_, row_step_;
  std::vector<Piece> pieces_;
};

}  // namespace finepune
