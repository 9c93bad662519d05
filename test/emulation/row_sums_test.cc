// Sums over rows, beside plain loops.
#include "ops/cuda/row_sums_kernel.h"

#include "support.h"

namespace finepune::test {
namespace {

template <typename T>
void check_sums(int64_t count, int64_t columns) {
  std::mt19937 generator(3);
  std::vector<T> rows;
  std::vector<float> expected(static_cast<size_t>(columns), 0.0f);
  for (const float value : small_integers(generator, count * columns)) {
    expected[rows.size() % expected.size()] += value;
    rows.push_back(stored<T>(value));
  }
  emulation::for_each_schedule([&] {
    Memory<float> sums(expected.size());
    cuda::launch_row_sums({element_of<T>, rows.data(), count, columns}, sums.data(), nullptr);
    CHECK(same_bits(sums.values(), expected));
  });
}

TEST("emulated sums over rows: of few and many rows and columns, in both types") {
  for (const int64_t count : {0, 1, 31, 32, 200}) {
    for (const int64_t columns : {1, 21, 32, 100}) {
      check_sums<float>(count, columns);
      check_sums<__nv_bfloat16>(count, columns);
    }
  }
}

}  // namespace
}  // namespace finepune::test
