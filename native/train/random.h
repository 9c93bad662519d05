// Counter-based random numbers: every draw is a pure function of (seed, purpose, index), so that any step can be
// reproduced without running those before it.
#pragma once

#include <array>
#include <cstdint>

namespace finepune {

// What a draw is for; draws of different purposes are independent.
enum class Purpose : uint32_t { order = 1, augmentation = 2, dropout = 3, surgery = 4 };

// Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 3.3).
class Random {
 public:
  // `index` tells streams of one purpose apart: an epoch, a position, a step.
  Random(uint64_t seed, Purpose purpose, uint64_t index)
      : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)},
        counter_{0, static_cast<uint32_t>(purpose), static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32)} {}

  uint32_t next() {
    if (used_ == 4) {
      block_ = rounds(counter_, key_);
      ++counter_[0];
      used_ = 0;
    }
    return block_[used_++];
  }

  uint64_t next64() {
    const uint64_t high = next();
    return high << 32 | next();
  }

  // Uniform in [0, 1), 53 bits.
  double uniform() { return static_cast<double>(next64() >> 11) * 0x1.0p-53; }

  double uniform(double low, double high) { return low + (high - low) * uniform(); }

  // Uniform in [0, bound) without bias (Lemire, "Fast random integer generation in an interval", 2019); bound >= 1.
  uint32_t below(uint32_t bound) {
    while (true) {
      const uint64_t product = static_cast<uint64_t>(next()) * bound;
      if (static_cast<uint32_t>(product) >= static_cast<uint32_t>(-bound) % bound) return product >> 32;
    }
  }

  bool coin() { return (next() & 1u) != 0; }

 private:
  using Block = std::array<uint32_t, 4>;
  using Key = std::array<uint32_t, 2>;

  static Block rounds(Block counter, Key key) {
    for (int round = 0; round < 10; ++round) {
      const uint64_t first = static_cast<uint64_t>(0xD2511F53u) * counter[0];
      const uint64_t second = static_cast<uint64_t>(0xCD9E8D57u) * counter[2];
      counter = {static_cast<uint32_t>(second >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(second),
                 static_cast<uint32_t>(first >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(first)};
      key[0] += 0x9E3779B9u;
      key[1] += 0xBB67AE85u;
    }
    return counter;
  }

  Key key_;
  Block counter_;
  Block block_{};
  int used_ = 4;
};

}  // namespace finepune
