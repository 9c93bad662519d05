#include "ops/cpu/step_kernels.h"

namespace finepune::cpu {

namespace {

struct Found {
  NamedStepKernel kernels[3];
  int count = 0;
};

Found find() {
  Found found;
  found.kernels[found.count++] = {"portable", step_portable};
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2")) found.kernels[found.count++] = {"avx2", step_avx2};
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    found.kernels[found.count++] = {"avx512", step_avx512};
  }
#endif
  return found;
}

}  // namespace

const NamedStepKernel* step_kernels(int* count) {
  static const Found found = find();
  *count = found.count;
  return found.kernels;
}

}  // namespace finepune::cpu
