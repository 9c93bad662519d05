// Products of tensor cores in tensor_float32, and copies into shared memory that run beside them (PTX ISA, "mma.m16n8k8"
// and "cp.async"; both from compute capability 8.0 on).
#pragma once

#include <cstdint>

#include "ops/cuda/fragments.h"

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
#error "compile for compute capability 8.0 or later: see CMAKE_CUDA_ARCHITECTURES"
#endif

namespace finepune::cuda {

// Fragments hold float32 as it is: of its bits tensor cores read the sign, the exponent and the first 10 of the mantissa.
// Cutting off and not rounding the others (cvt.rna) makes a sum of products smaller by less than a thousandth, of no account
// for gradients; rounding would take two instructions a value, as many as all the rest.
__device__ inline uint32_t fragment_bits(float value) { return __float_as_uint(value); }

// sums += left right. Every lane of the warp must call it.
__device__ inline void multiply_add(SumFragment& sums, const LeftFragment& left, const RightFragment& right) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(sums.values[0]), "+f"(sums.values[1]), "+f"(sums.values[2]), "+f"(sums.values[3])
      : "r"(left.values[0]), "r"(left.values[1]), "r"(left.values[2]), "r"(left.values[3]), "r"(right.values[0]),
        "r"(right.values[1]));
}

// Begins to copy four values, both addresses on 16 bytes, to shared memory; zeros, and `from` not read, unless `valid`.
__device__ inline void begin_copy(float* shared, const float* from, bool valid) {
  const auto to = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
  const int bytes = valid ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");
}

// Ends a group of the copies this thread has begun.
__device__ inline void end_copy_group() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Waits until at most kGroups of this thread's groups, the last ones, are under way. Other threads' copies are known to
// be there behind a barrier after it.
template <int kGroups>
__device__ inline void wait_for_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kGroups) : "memory");
}

}  // namespace finepune::cuda
