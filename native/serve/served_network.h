// A network loaded for inference on the CPU: weights stay sparse where that is faster, images are computed one by one
// or sixteen to a pixel.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "serve/images.h"
#include "serve/memory_plan.h"
#include "serve/program.h"
#include "serve/run_step.h"
#include "serve/served.h"
#include "serve/team.h"

namespace finepune::serve {

// Images that share a pixel where many are computed together.
constexpr int64_t kWidePixel = 16;

// Which form of a layer's weights is used.
enum class Choice {
  // All are timed, the fastest stays.
  measured,
  // The same of those that do not know zeros: what a dense network would be served in.
  measured_dense,
  dense,
  // Dense where a layer is no convolution that Winograd's filtering computes.
  winograd,
  sparse,
  // Sparse where a layer cannot be merged.
  merged,
  // Linear layers by columns for single images; dense otherwise.
  columns,
};

struct ServeOptions {
  int64_t threads = 1;
  // Most images expected in one call to run(): memory stays that of so many, or of 32 a thread, and more are computed in parts.
  // More than 1 lets it compute several together.
  int64_t largest_batch = 1;
  Choice choice = Choice::measured;
  // Instruction set, one of direct_kernels'; null for the best.
  const cpu::DirectKernels* kernels = nullptr;
};

// One way of computing: single images, or kWidePixel of them together.
struct Mode {
  int64_t pixel = 1;
  // Per step; only those of convolutions and linear layers mean something.
  std::vector<Form> forms;
};

class ServedNetwork final : public Served {
 public:
  // Reads the tensors, which may go afterwards; times the layers' forms.
  // Throws std::invalid_argument naming the node or tensor at fault.
  ServedNetwork(const Graph& graph, const Tensors& tensors, ServeOptions options);

  const Graph& graph() const override { return graph_; }
  int64_t classes() const { return program_.classes; }

  // Of any number of images.
  void run(const Images& images, float* logits) override;

  std::vector<LayerReport> layers() const override;
  int64_t bytes() const override;

 private:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  void choose_forms();
  // The forms `step` may have as options_ say, made; the dense one first.
  std::vector<Form> make_forms(size_t step);
  void make_sparse_forms(const Step& step, std::vector<Form>& forms);
  // Random inputs for a linear layer, half of them 0, as behind a ReLU.
  void fill_input(const Mode& mode, size_t step);
  Form fastest_form(const Mode& mode, size_t step, const std::vector<Form>& forms);
  void measure_wide();
  // Computes images one by one from now on, and drops what only many together would use.
  void leave_wide();
  double time_step(const Mode& mode, size_t step, Form form);
  // Computes `count` images from number `first` on, which end at a whole number of wide pixels or at the last image.
  void run_part(const Images& images, int64_t first, int64_t count, float* logits);
  // Computes `groups` groups of mode.pixel images from number `first` on.
  void run_groups(const Mode& mode, const Images& images, int64_t first, int64_t groups, float* logits);
  void run_stretch(const Mode& mode, size_t first_step, size_t last_step, const Images* images, int64_t first,
                   int64_t groups);
  void run_linear_step(const Mode& mode, size_t step, int64_t groups);
  void load(const Planes& input, const Images& images, int64_t first, const StepContext& context);
  StepMemory memory_of(const Mode& mode, size_t step, int64_t worker, int64_t group);
  Planes planes_of(const Mode& mode, int64_t value, int64_t worker, int64_t group);
  // Threads that compute a group each; 1 where all threads share one group.
  int64_t group_workers(const Mode& mode, int64_t groups) const;
  void reserve(const Mode& mode, int64_t groups);

  Graph graph_;
  ServeOptions options_;
  const cpu::DirectKernels* kernels_;
  Program program_;
  MemoryPlan memory_;
  Mode single_, wide_;
  // Fewest images worth computing together, at most options_.largest_batch, or kNever.
  int64_t wide_from_ = kNever;
  std::vector<AlignedFloats> working_;
  AlignedFloats kept_;
  std::vector<Scratch> scratch_;
  Team team_;
};

}  // namespace finepune::serve
