#include "ops/cpu/direct_kernels.h"

#include "ops/cpu/cpu_features.h"

namespace finepune::cpu {

namespace {

struct Found {
  const DirectKernels* kernels[3];
  int count = 0;
};

Found find() {
  Found found;
  found.kernels[found.count++] = &direct_portable;
  if (has_avx2()) found.kernels[found.count++] = &direct_avx2;
  if (has_avx512()) found.kernels[found.count++] = &direct_avx512;
  return found;
}

}  // namespace

const DirectKernels* const* direct_kernels(int* count) {
  static const Found found = find();
  *count = found.count;
  return found.kernels;
}

}  // namespace finepune::cpu
