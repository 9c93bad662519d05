// Which input pixels an output pixel reads.
#pragma once

#include <cstdint>
#include <vector>

namespace finepune::serve {

// `taps` in each of `channels` planes, the offsets counted in pixels from the output pixel's own place in the first
// plane. A linear layer has planes of one pixel and one tap.
struct Stencil {
  int64_t channels = 0, plane = 1;
  std::vector<int64_t> taps = {0};

  int64_t columns() const { return channels * static_cast<int64_t>(taps.size()); }
  // Offsets of a plane's pixels are kept in 16 bits.
  bool fits_offsets() const { return plane <= kOffsets; }
  // How many channels the offsets of one block reach, at least 1 if they fit at all.
  int64_t most_channels() const { return kOffsets / plane; }

 private:
  static constexpr int64_t kOffsets = 65536;
};

}  // namespace finepune::serve
