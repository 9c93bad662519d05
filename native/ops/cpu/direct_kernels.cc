#include "ops/cpu/direct_kernels.h"

namespace finepune::cpu {

namespace {

struct Found {
  const DirectKernels* kernels[3];
  int count = 0;
};

Found find() {
  Found found;
  found.kernels[found.count++] = &direct_portable;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.kernels[found.count++] = &direct_avx2;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    found.kernels[found.count++] = &direct_avx512;
  }
#endif
  return found;
}

}  // namespace

const DirectKernels* const* direct_kernels(int* count) {
  static const Found found = find();
  *count = found.count;
  return found.kernels;
}

}  // namespace finepune::cpu
