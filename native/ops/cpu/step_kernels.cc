#include "ops/cpu/step_kernels.h"

#include "ops/cpu/cpu_features.h"

namespace finepune::cpu {

namespace {

struct Found {
  NamedStepKernel kernels[3];
  int count = 0;
};

Found find() {
  Found found;
  found.kernels[found.count++] = {"portable", step_portable};
  if (has_avx2()) found.kernels[found.count++] = {"avx2", step_avx2};
  if (has_avx512()) found.kernels[found.count++] = {"avx512", step_avx512};
  return found;
}

}  // namespace

const NamedStepKernel* step_kernels(int* count) {
  static const Found found = find();
  *count = found.count;
  return found.kernels;
}

}  // namespace finepune::cpu
