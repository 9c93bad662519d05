#include <cmath>
#include <vector>

#include "check.h"
#include "nn_support.h"
#include "ops/cpu/direct_kernels.h"

namespace finepune::test {

TEST("packing keeps what is not zero, in order, on every instruction set") {
  int kernels = 0;
  const cpu::DirectKernels* const* all = cpu::direct_kernels(&kernels);
  for (const int64_t count : {0, 1, 7, 8, 9, 1000, 65536}) {
    for (const double density : {0.0, 0.05, 0.5, 1.0}) {
      at::Tensor values = random_tensor({count}, 1) * at::lt(random_tensor({count}, 2), 2 * density - 1);
      if (count > 4) values[3] = std::nanf(""), values[4] = -0.0f;
      const float* from = values.const_data_ptr<float>();
      std::vector<uint16_t> expected;
      for (int64_t i = 0; i < count; ++i) {
        if (from[i] != 0) expected.push_back(static_cast<uint16_t>(i));
      }
      for (int k = 0; k < kernels; ++k) {
        std::vector<uint16_t> offsets(static_cast<size_t>(count) + 8);
        std::vector<float> kept(offsets.size());
        const int64_t found = all[k]->pack(from, count, offsets.data(), kept.data());
        CHECK_EQUAL(found, static_cast<int64_t>(expected.size()));
        for (size_t j = 0; j < expected.size(); ++j) {
          CHECK_EQUAL(offsets[j], expected[j]);
          const float value = from[expected[j]];
          CHECK(kept[j] == value || (std::isnan(kept[j]) && std::isnan(value)));
        }
      }
    }
  }
}

}  // namespace finepune::test
