// The emulation itself: what holds on a GPU holds here, and what is undefined there shows.
#include <stdexcept>
#include <vector>

#include <c10/util/BFloat16.h>
#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include "check.h"

namespace {

using finepune::emulation::Configuration;
using finepune::emulation::for_each_schedule;
using finepune::emulation::launch;

void number_threads(unsigned* numbers) {
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  atomicAdd(numbers + block * blockDim.x * blockDim.y * blockDim.z + thread, 1u);
}

// Each thread reads what its neighbour wrote before the barrier.
void rotate(int* values, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    const int own = values[(threadIdx.x + 1) % blockDim.x];
    __syncthreads();
    values[threadIdx.x] = own;
    __syncthreads();
  }
}

void return_early(int* sum) {
  if (threadIdx.x % 3 == 0) return;
  *sum += 1;
  __syncthreads();
  if (threadIdx.x % 3 == 1) return;
  *sum += 1000;
  __syncthreads();
}

void wait_in_half() {
  if (threadIdx.x == 0) {
    __syncthreads();
  } else {
    __syncwarp();
  }
}

void wait_at_two_places() {
  if (threadIdx.x == 0) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}

void write_behind() { static_cast<float*>(finepune::emulation::shared_memory())[threadIdx.x] = 1.0f; }

void read_unwritten(float* result) { *result = static_cast<const float*>(finepune::emulation::shared_memory())[0]; }

void sum_lanes(int* results) {
  int sum = static_cast<int>(threadIdx.x);
  for (int offset = 16; offset > 0; offset /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, offset);
  results[threadIdx.x] = sum;
}

void ask_lanes(unsigned* results) {
  const unsigned lane = threadIdx.x;
  results[lane] = __ballot_sync(0xffffffffu, lane % 4 == 1);
  if (lane >= 20) return;
  results[32 + lane] = __match_any_sync(0xfffffu, lane % 10);
  results[64 + lane] = __shfl_down_sync(0xfffffu, lane, 4);
  results[96 + lane] = __shfl_sync(0xfffffu, lane, 3) + (__all_sync(0xfffffu, lane < 20) ? 100 : 0) +
                       (__any_sync(0xfffffu, lane == 20) ? 1000 : 0);
}

}  // namespace

TEST("emulation: every thread of every block runs once") {
  for_each_schedule([] {
    std::vector<unsigned> numbers(2 * 3 * 4 * 5 * 6 * 7);
    launch(Configuration({2, 3, 4}, {5, 6, 7}), number_threads)(numbers.data());
    CHECK(numbers == std::vector<unsigned>(numbers.size(), 1));
  });
}

TEST("emulation: a barrier parts what comes before it from what comes after") {
  for_each_schedule([] {
    std::vector<int> values(100), expected(100);
    for (int i = 0; i < 100; ++i) values[i] = i, expected[i] = (i + 7) % 100;
    launch(Configuration(1, 100), rotate)(values.data(), 7);
    CHECK(values == expected);
  });
}

TEST("emulation: threads that have returned are not waited for") {
  int sum = 0;
  launch(Configuration(1, 300), return_early)(&sum);
  CHECK_EQUAL(sum, 200 + 100000);
}

TEST("emulation: lanes of a warp exchange values") {
  std::vector<int> results(64);
  launch(Configuration(1, 64), sum_lanes)(results.data());
  for (int i = 0; i < 64; ++i) CHECK_EQUAL(results[i], i < 32 ? 31 * 16 : 31 * 16 + 32 * 32);
}

TEST("emulation: lanes vote, match and shuffle among those of a mask") {
  std::vector<unsigned> results(128);
  launch(Configuration(1, 32), ask_lanes)(results.data());
  for (unsigned lane = 0; lane < 32; ++lane) CHECK_EQUAL(results[lane], 0x22222222u);
  for (unsigned lane = 0; lane < 20; ++lane) {
    CHECK_EQUAL(results[32 + lane], 0x401u << lane % 10);
    // From a lane that takes no part comes nothing that can be relied on.
    CHECK_EQUAL(results[64 + lane], lane < 16 ? lane + 4 : 0xffffffffu);
    CHECK_EQUAL(results[96 + lane], 103u);
  }
}

TEST("emulation: threads that wait for each other forever are reported") {
  CHECK_THROWS(std::logic_error, "1 wait for the block", launch(Configuration(1, 32), wait_in_half)());
  CHECK_THROWS(std::logic_error, "meet at", launch(Configuration(1, 64), wait_at_two_places)());
  // Nothing of it is left to the next launch.
  int sum = 0;
  launch(Configuration(1, 300), return_early)(&sum);
  CHECK_EQUAL(sum, 100200);
}

TEST("emulation: dynamic shared memory begins as NaN, and ends where the launch says") {
  float result = 0;
  launch(Configuration(1, 1, 16), read_unwritten)(&result);
  CHECK(result != result);
  launch(Configuration(1, 4, 16), write_behind)();
  CHECK_THROWS(std::logic_error, "behind", launch(Configuration(1, 5, 16), write_behind)());
}

TEST("emulation: a launch that no GPU takes leaves an error") {
  CHECK_EQUAL(cudaGetLastError(), cudaSuccess);
  launch(Configuration(1, 1025), wait_at_two_places)();
  CHECK_EQUAL(cudaGetLastError(), cudaErrorInvalidConfiguration);
  CHECK_EQUAL(cudaGetLastError(), cudaSuccess);
  launch(Configuration(0, 1), wait_at_two_places)();
  CHECK_EQUAL(cudaGetLastError(), cudaErrorInvalidConfiguration);
  launch(Configuration(1, 1, 60000), write_behind)();
  CHECK_EQUAL(cudaGetLastError(), cudaErrorInvalidValue);
  CHECK_EQUAL(cudaFuncSetAttribute(write_behind, cudaFuncAttributeMaxDynamicSharedMemorySize, 60000), cudaSuccess);
  launch(Configuration(1, 1, 60000), write_behind)();
  CHECK_EQUAL(cudaGetLastError(), cudaSuccess);
  CHECK_THROWS(std::logic_error, "was lowered",
               cudaFuncSetAttribute(write_behind, cudaFuncAttributeMaxDynamicSharedMemorySize, 50000));
}

TEST("emulation: bfloat16 is rounded to the nearest, of two to the even one") {
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += 0x3fff) {
    const float value = __uint_as_float(static_cast<unsigned>(bits));
    const __nv_bfloat16 rounded = __float2bfloat16_rn(value);
    if (value != value) {
      CHECK(__bfloat162float(rounded) != __bfloat162float(rounded));
    } else {
      CHECK_EQUAL(rounded.bits, c10::BFloat16(value).x);
    }
  }
  CHECK_EQUAL(__bfloat162float(__float2bfloat16_rn(1.0f + 0x1p-8f)), 1.0f);
  CHECK_EQUAL(__bfloat162float(__float2bfloat16_rn(1.0f + 0x3p-8f)), 1.0f + 0x1p-6f);
}
