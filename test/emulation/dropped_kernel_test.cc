#include "ops/cuda/dropped_kernel.h"

#include "ops/counter_random.h"
#include "support.h"

namespace finepune::test {
namespace {

template <typename T>
void check_dropped(int64_t count) {
  std::mt19937 generator(6);
  std::vector<T> values = random_values<T>(generator, count);
  const int64_t seed = -77;
  constexpr uint64_t label = 12345, threshold = 0x60000000;
  constexpr float scale = 1.6f;
  std::vector<T> expected;
  for (int64_t i = 0; i < count; ++i) {
    // One draw for two values, the lower half for the first.
    const uint64_t bits = random_bits(derive_stream(static_cast<uint64_t>(seed), label), static_cast<uint64_t>(i / 2));
    const bool dropped = (i % 2 == 0 ? bits & 0xffffffffu : bits >> 32) < threshold;
    expected.push_back(stored<T>(loaded(values[static_cast<size_t>(i)]) * (dropped ? 0.0f : scale)));
  }
  emulation::for_each_schedule([&] {
    Memory<T> from(values), to(values.size());
    cuda::launch_drop({element_of<T>, from.data(), to.data(), count, threshold, scale, &seed, label}, nullptr);
    CHECK(same_bits(to.values(), expected));
  });
}

}  // namespace

TEST("emulated dropout: what is dropped is the documented function of seed, label and place") {
  for (const int64_t count : {0, 1, 2, 511, 512, 513, 4001}) {
    check_dropped<float>(count);
    check_dropped<__nv_bfloat16>(count);
  }
}

}  // namespace finepune::test
