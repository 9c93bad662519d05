// What stands in for native/ops/cuda/tensor_cores.cuh.
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include <cuda_runtime.h>

#include "check.h"
#include "ops/cuda/tensor_cores.cuh"

namespace {

using namespace finepune::cuda;
using finepune::emulation::Configuration;
using finepune::emulation::launch;

struct Matrices {
  float left[16][8], right[8][8], sums[16][8];
};

void multiply_matrices(Matrices* matrices) {
  const int group = static_cast<int>(threadIdx.x) / 4, place = static_cast<int>(threadIdx.x) % 4;
  const auto left = [&](int row, int column) { return fragment_bits(matrices->left[row][column]); };
  const auto right = [&](int row, int column) { return fragment_bits(matrices->right[row][column]); };
  SumFragment sums{{matrices->sums[group][2 * place], matrices->sums[group][2 * place + 1],
                    matrices->sums[group + 8][2 * place], matrices->sums[group + 8][2 * place + 1]}};
  multiply_add(sums,
               {{left(group, place), left(group + 8, place), left(group, place + 4), left(group + 8, place + 4)}},
               {{right(place, group), right(place + 4, group)}});
  matrices->sums[group][2 * place] = sums.values[0];
  matrices->sums[group][2 * place + 1] = sums.values[1];
  matrices->sums[group + 8][2 * place] = sums.values[2];
  matrices->sums[group + 8][2 * place + 1] = sums.values[3];
}

void multiply_without_a_lane() {
  if (threadIdx.x == 5) return;
  SumFragment sums{};
  multiply_add(sums, {}, {});
}

// Two groups of copies; what is there after waiting for all but `left` groups, and after a barrier behind it.
template <int kLeft>
void copy_two(const float* from, float* seen) {
  float* memory = static_cast<float*>(finepune::emulation::shared_memory());
  begin_copy(memory, from, true);
  end_copy_group();
  begin_copy(memory + 4, from, false);
  end_copy_group();
  wait_for_copies<kLeft>();
  for (int i = 0; i < 8; ++i) seen[i] = memory[i];
}

void copy_unaligned(const float* from) {
  begin_copy(static_cast<float*>(finepune::emulation::shared_memory()) + 1, from, true);
}

}  // namespace

TEST("emulated tensor cores: of a number the first ten bits of the mantissa count; NaN and infinity stay") {
  const auto product_of = [](float value) {
    Matrices matrices{};
    matrices.left[3][2] = value;
    matrices.right[2][5] = 1.0f;
    launch(Configuration(1, 32), multiply_matrices)(&matrices);
    return matrices.sums[3][5];
  };
  CHECK_EQUAL(product_of(1.0f + 0x1p-10f), 1.0f + 0x1p-10f);
  CHECK_EQUAL(product_of(1.0f + 0x1p-11f), 1.0f);
  CHECK_EQUAL(product_of(-2.0f + 0x1p-23f), -2.0f + 0x1p-10f);
  CHECK(std::isnan(product_of(__uint_as_float(0x7fffffffu))));
  CHECK_EQUAL(product_of(-std::numeric_limits<float>::infinity()), -std::numeric_limits<float>::infinity());
}

TEST("emulated tensor cores: a warp multiplies by the fragments' layout") {
  Matrices matrices;
  for (int i = 0; i < 16; ++i) {
    for (int k = 0; k < 8; ++k) matrices.left[i][k] = static_cast<float>(i * 8 + k - 50);
  }
  for (int k = 0; k < 8; ++k) {
    for (int j = 0; j < 8; ++j) matrices.right[k][j] = static_cast<float>((k * 8 + j) * 7 % 31 - 15);
  }
  for (int i = 0; i < 128; ++i) matrices.sums[i / 8][i % 8] = static_cast<float>(i);
  Matrices expected = matrices;
  for (int i = 0; i < 16; ++i) {
    for (int j = 0; j < 8; ++j) {
      for (int k = 0; k < 8; ++k) expected.sums[i][j] += matrices.left[i][k] * matrices.right[k][j];
    }
  }
  finepune::emulation::for_each_schedule([&] {
    Matrices result = matrices;
    launch(Configuration(1, 32), multiply_matrices)(&result);
    for (int i = 0; i < 128; ++i) CHECK_EQUAL(result.sums[i / 8][i % 8], expected.sums[i / 8][i % 8]);
  });
  CHECK_THROWS(std::logic_error, "every lane", launch(Configuration(1, 32), multiply_without_a_lane)());
}

TEST("emulated tensor cores: a copy is there when it was waited for, and may be there before") {
  alignas(16) const float from[4] = {1, 2, 3, 4};
  float seen[8];
  launch(Configuration(1, 1, 32), copy_two<0>)(from, seen);
  for (int i = 0; i < 8; ++i) CHECK_EQUAL(seen[i], i < 4 ? from[i] : 0.0f);
  launch(Configuration(1, 1, 32), copy_two<1>)(from, seen);
  CHECK_EQUAL(seen[3], 4.0f);
  CHECK(std::isnan(seen[4]));
  launch(Configuration(1, 1, 32), copy_two<2>)(from, seen);
  CHECK(std::isnan(seen[0]));
  finepune::emulation::set_schedule({.early_copies = true});
  launch(Configuration(1, 1, 32), copy_two<2>)(from, seen);
  finepune::emulation::set_schedule({});
  for (int i = 0; i < 8; ++i) CHECK_EQUAL(seen[i], i < 4 ? from[i] : 0.0f);
  CHECK_THROWS(std::logic_error, "16 bytes", launch(Configuration(1, 1, 32), copy_unaligned)(from));
}
