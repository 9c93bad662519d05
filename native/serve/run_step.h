// One step of a program on one image, or on the images that share a pixel.
#pragma once

#include <cstdint>
#include <vector>

#include "ops/cpu/direct_kernels.h"
#include "serve/aligned.h"
#include "serve/layout.h"
#include "serve/program.h"
#include "serve/team.h"

namespace finepune::serve {

// Scratch memory of one thread.
struct Scratch {
  AlignedFloats floats;
  float* take(int64_t count) {
    if (floats.count() < count) floats = AlignedFloats(count);
    return floats.data();
  }
};

struct StepContext {
  const cpu::DirectKernels& kernels;
  const Program& program;
  Team& team;
  int64_t pixel, threads, first_worker;
  // One a worker.
  std::vector<Scratch>& scratch;
};

// `inputs` in the order of step.inputs; `residual` only where the step has one; `copy`: memory of a convolution that
// does not read its input as it lies. Every kind but linear.
struct StepMemory {
  std::vector<Planes> inputs;
  Planes residual, output;
  float* copy = nullptr;
};

void run_step(const StepContext& context, const Step& step, Form form, const StepMemory& memory);

// run_step's parts, one a file.
void run_convolution(const StepContext& context, const Step& step, Form form, const StepMemory& memory);
void run_winograd(const StepContext& context, const Step& step, const StepMemory& memory);
void run_pool(const StepContext& context, const Step& step, const StepMemory& memory);
void run_global_average(const StepContext& context, const Step& step, const StepMemory& memory);
void run_local_response(const StepContext& context, const Step& step, const StepMemory& memory);
void run_elementwise(const StepContext& context, const Step& step, const StepMemory& memory);
void run_softmax(const StepContext& context, const Step& step, const StepMemory& memory);

// A linear layer of one image in the form of columns.
void run_linear_columns(const StepContext& context, const Step& step, const float* input, float* output);

// Whether run_winograd can compute a step: three or five rows of taps one after the other, in both strides 1, and input
// that is read as it lies.
bool can_be_winograd(const Step& step);

// Zeros around a channel's rows, the columns between them included.
void clear_padding(const Planes& planes, int64_t channel);

// A linear layer for all images at once: `inputs[g]` and `outputs[g]` are the vectors of group g, [features][pixel].
void run_linear(const StepContext& context, const Step& step, Form form, const std::vector<const float*>& inputs,
                const std::vector<float*>& outputs);

}  // namespace finepune::serve
