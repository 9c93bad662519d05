#include "serve/rectified.h"

#include <algorithm>

#include "serve/memory_plan.h"

namespace finepune::serve {

namespace {

bool writes_rectified(const Program& program, const Step& step) {
  // What is drawn from several pixels is zero where all of them are.
  if (step.kind == StepKind::max_pool || step.kind == StepKind::average_pool) {
    return is_rectified(program, step.inputs[0]);
  }
  return step.low == 0;
}

}  // namespace

bool is_rectified(const Program& program, int64_t value) {
  const int64_t root = root_of(program, value);
  bool written = false;
  for (const Step& step : program.steps) {
    if (root_of(program, step.output) != root) continue;
    if (!writes_rectified(program, step)) return false;
    written = true;
  }
  return written;
}

bool is_pooled(const Program& program, int64_t value) {
  const int64_t root = root_of(program, value);
  return std::any_of(program.steps.begin(), program.steps.end(), [&](const Step& step) {
    const bool pools = step.pooled || step.kind == StepKind::max_pool || step.kind == StepKind::average_pool;
    return pools && root_of(program, step.output) == root;
  });
}

}  // namespace finepune::serve
