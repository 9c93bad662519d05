// Sums over rows, beside plain loops.
#include <cmath>
#include <vector>

#include <cuda_bf16.h>

#include "check.h"
#include "emulation.h"
#include "ops/cuda/row_sums_kernel.h"

namespace {

using namespace finepune::cuda;

template <typename T>
void check_sums(Element element, int64_t count, int64_t columns) {
  std::vector<T> rows(static_cast<size_t>(count * columns));
  std::vector<float> expected(static_cast<size_t>(columns), 0.0f);
  for (int64_t i = 0; i < count * columns; ++i) {
    const float value = static_cast<float>(i * 37 % 101 - 50);
    if constexpr (std::is_same_v<T, float>) {
      rows[i] = value;
    } else {
      rows[i] = __float2bfloat16_rn(value);
    }
    expected[i % columns] += value;
  }
  finepune::emulation::for_each_schedule([&] {
    std::vector<float> sums(static_cast<size_t>(columns), std::nanf(""));
    launch_row_sums({element, rows.data(), count, columns}, sums.data(), nullptr);
    CHECK(sums == expected);
  });
}

TEST("emulated sums over rows: of few and many rows and columns, in both types") {
  for (const int64_t count : {0, 1, 31, 32, 200}) {
    for (const int64_t columns : {1, 21, 32, 100}) {
      check_sums<float>(Element::float32, count, columns);
      check_sums<__nv_bfloat16>(Element::bfloat16, count, columns);
    }
  }
}

}  // namespace
