#include "serve/memory_plan.h"

#include <algorithm>

namespace finepune::serve {

namespace {

constexpr int64_t kAlignment = 16;

struct Interval {
  int64_t value, pixels, first, last;
  // Step whose copied planes these are, or -1.
  int64_t step = -1;
  int64_t offset = 0;
};

int64_t aligned(int64_t pixels) { return (pixels + kAlignment - 1) / kAlignment * kAlignment; }

// Each interval at the lowest offset that no living one covers; the largest are placed first.
int64_t place(std::vector<Interval>& intervals) {
  std::vector<Interval*> order;
  for (Interval& interval : intervals) order.push_back(&interval);
  std::stable_sort(order.begin(), order.end(),
                   [](const Interval* a, const Interval* b) { return a->pixels > b->pixels; });
  std::vector<const Interval*> placed;
  int64_t total = 0;
  for (Interval* interval : order) {
    std::vector<const Interval*> living;
    for (const Interval* other : placed) {
      if (other->first <= interval->last && interval->first <= other->last) living.push_back(other);
    }
    std::sort(living.begin(), living.end(), [](const Interval* a, const Interval* b) { return a->offset < b->offset; });
    int64_t offset = 0;
    for (const Interval* other : living) {
      if (offset + interval->pixels <= other->offset) break;
      offset = std::max(offset, other->offset + other->pixels);
    }
    interval->offset = offset;
    total = std::max(total, offset + interval->pixels);
    placed.push_back(interval);
  }
  return total;
}

}  // namespace

int64_t root_of(const Program& program, int64_t value) {
  while (program.values[value].whole >= 0) value = program.values[value].whole;
  return value;
}

int64_t offset_in_root(const Program& program, int64_t value) {
  int64_t offset = 0;
  for (; program.values[value].whole >= 0; value = program.values[value].whole) {
    const Value& part = program.values[value];
    offset += part.first_channel * program.values[part.whole].layout.plane();
  }
  return offset;
}

int64_t copied_pixels(const Program& program, const Step& step) {
  if (step.kind != StepKind::convolution || step.reading.direct) return 0;
  return program.values[step.inputs[0]].layout.channels * step.reading.stencil.plane;
}

MemoryPlan plan_memory(const Program& program) {
  const int64_t values = static_cast<int64_t>(program.values.size());
  const int64_t steps = static_cast<int64_t>(program.steps.size());
  std::vector<int64_t> first(values, -2), last(values, -2);
  const auto touch = [&](int64_t value, int64_t step) {
    const int64_t root = root_of(program, value);
    if (first[root] == -2) first[root] = step;
    last[root] = step;
  };
  touch(0, -1);
  // Stretches of steps between linear layers; a value read or written on both sides of one is kept.
  std::vector<int64_t> stretch(static_cast<size_t>(steps) + 1, 0);
  for (int64_t i = 0; i < steps; ++i) {
    const Step& step = program.steps[i];
    const bool linear = step.kind == StepKind::linear;
    stretch[i + 1] = stretch[i] + (linear || (i > 0 && program.steps[i - 1].kind == StepKind::linear) ? 1 : 0);
    for (const int64_t input : step.inputs) touch(input, i);
    if (step.residual >= 0) touch(step.residual, i);
    touch(step.output, i);
  }
  touch(program.output, steps - 1);

  MemoryPlan plan;
  plan.offsets.assign(values, 0);
  plan.kept.assign(values, false);
  plan.copies.assign(steps, -1);
  std::vector<Interval> intervals, kept;
  for (int64_t value = 0; value < values; ++value) {
    if (program.values[value].whole >= 0 || first[value] == -2) continue;
    const Interval interval{value, aligned(program.values[value].layout.pixels()), first[value], last[value]};
    plan.kept[value] = stretch[first[value] + 1] != stretch[last[value] + 1] ||
                       root_of(program, program.output) == value ||
                       (first[value] >= 0 && program.steps[first[value]].kind == StepKind::linear);
    (plan.kept[value] ? kept : intervals).push_back(interval);
  }
  for (int64_t i = 0; i < steps; ++i) {
    const int64_t pixels = copied_pixels(program, program.steps[i]);
    if (pixels > 0) intervals.push_back({-1, aligned(pixels), i, i, i});
  }
  plan.pixels = place(intervals);
  plan.kept_pixels = place(kept);
  for (const auto* list : {&intervals, &kept}) {
    for (const Interval& interval : *list) {
      if (interval.step >= 0) {
        plan.copies[interval.step] = interval.offset;
      } else {
        plan.offsets[interval.value] = interval.offset;
      }
    }
  }
  for (int64_t value = 0; value < values; ++value) {
    if (program.values[value].whole < 0) continue;
    const int64_t root = root_of(program, value);
    plan.offsets[value] = plan.offsets[root] + offset_in_root(program, value);
    plan.kept[value] = plan.kept[root];
  }
  return plan;
}

}  // namespace finepune::serve
