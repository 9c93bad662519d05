#include "serve/served_network.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "ops/cpu/direct_choice.h"
#include "serve/rectified.h"

namespace finepune::serve {

namespace {

// Floats past the end of the last plane that kernels may read. Past the end of another value they read the one behind it,
// which another thread may be writing (ThreadSanitizer says so): those lanes of a vector are thrown away.
constexpr int64_t kSlack = 64;
static_assert(kSlack >= cpu::kMostReadPast);
// Memory of one group's values above which groups are computed one after the other, and above which sixteen images are
// never computed together.
constexpr int64_t kLargeFloats = int64_t{64} << 20, kTooLargeFloats = int64_t{128} << 20;
// Groups a thread of one part of a call: with fewer, threads wait for one another, and weights are read for few images.
constexpr int64_t kFewestGroups = 2;
// A layer denser than this is never faster sparse.
constexpr double kDensest = 0.9;
// Another form than the dense one has to win by more than noise: by a share, and by what a timing of microseconds errs.
// One that skips zeros by more, because it is timed alone: in the network other layers leave it less of the caches.
constexpr double kMargin = 0.97, kSkippingMargin = 0.95, kMarginSeconds = 1e-6;
// Non-zeros of a row in a block of a convolution's channels, and features of a linear layer's block: those are read in
// no order, and half of the nearest cache holds them.
constexpr int64_t kBlockEntries = 64;
constexpr double kNearFeatures = 4608;
// Floats of input that a tile of a merged convolution reads in a block of channels: half the nearest cache, again.
constexpr int64_t kBlockFloats = 4096;

bool has_weights(const Step& step) { return step.kind == StepKind::convolution || step.kind == StepKind::linear; }

bool skips_zeros(Form form) { return form != Form::dense && form != Form::winograd; }

bool is_measured(Choice choice) { return choice == Choice::measured || choice == Choice::measured_dense; }

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

ServedNetwork::ServedNetwork(const Graph& graph, const Tensors& tensors, ServeOptions options)
    : graph_(graph),
      options_(options),
      kernels_(options.kernels != nullptr ? options.kernels : &cpu::best_direct_kernels()),
      program_(make_program(graph, tensors)),
      memory_(plan_memory(program_)),
      team_(options.threads) {
  options_.threads = team_.threads();
  scratch_.resize(static_cast<size_t>(options_.threads));
  const bool can_be_wide = options_.largest_batch >= kWidePixel / 2 && memory_.pixels * kWidePixel <= kTooLargeFloats;
  single_.forms.assign(program_.steps.size(), Form::dense);
  wide_ = single_;
  wide_.pixel = kWidePixel;
  if (can_be_wide) wide_from_ = kWidePixel / 2;
  const Team::Awake awake(team_);
  choose_forms();
  if (can_be_wide) measure_wide();
}

void ServedNetwork::choose_forms() {
  const bool can_be_wide = wide_from_ != kNever;
  for (size_t i = 0; i < program_.steps.size(); ++i) {
    if (!has_weights(program_.steps[i])) continue;
    const std::vector<Form> forms = make_forms(i);
    // Columns are left out by the zeros of one image.
    std::vector<Form> wide_forms = forms;
    std::erase(wide_forms, Form::columns);
    const bool measured = is_measured(options_.choice);
    single_.forms[i] = measured ? fastest_form(single_, i, forms) : forms.back();
    wide_.forms[i] = !can_be_wide ? single_.forms[i]
                     : measured   ? fastest_form(wide_, i, wide_forms)
                                  : wide_forms.back();
    for (const Form form : forms) {
      if (form != single_.forms[i] && form != wide_.forms[i]) program_.steps[i].weights->drop(form);
    }
  }
}

std::vector<Form> ServedNetwork::make_forms(size_t step) {
  const Choice choice = options_.choice;
  std::vector<Form> forms = {Form::dense};
  const Step& description = program_.steps[step];
  if ((is_measured(choice) || choice == Choice::winograd) && can_be_winograd(description)) {
    description.weights->make_winograd(description.convolution.kernel[0]);
    forms.push_back(Form::winograd);
  }
  const bool sparse = choice == Choice::measured ? program_.steps[step].weights->density() <= kDensest
                                                 : choice == Choice::sparse || choice == Choice::merged;
  if (sparse) make_sparse_forms(description, forms);
  const bool linear = description.kind == StepKind::linear;
  const bool columns = linear && description.weights->rows() <= ColumnWeights::kMostRows &&
                       (choice == Choice::columns ||
                        (choice == Choice::measured && sparse && is_rectified(program_, description.inputs[0])));
  if (columns) {
    description.weights->make_columns();
    forms.push_back(Form::columns);
  }
  return forms;
}

void ServedNetwork::make_sparse_forms(const Step& step, std::vector<Form>& forms) {
  Weights& weights = *step.weights;
  if (!weights.stencil().fits_offsets()) return;
  const bool linear = step.kind == StepKind::linear;
  const bool merged = !linear && options_.choice != Choice::sparse && weights.can_be_merged();
  if (!merged || options_.choice == Choice::measured) {
    forms.push_back(Form::sparse);
    weights.make_sparse(linear ? static_cast<int64_t>(weights.density() * kNearFeatures) : kBlockEntries);
  }
  if (merged) {
    forms.push_back(Form::merged);
    weights.make_merged(kernels_->merged_vectors * kernels_->lanes, kBlockFloats);
  }
}

void ServedNetwork::fill_input(const Mode& mode, size_t step) {
  reserve(mode, 1);
  float* input = planes_of(mode, program_.steps[step].inputs[0], 0, 0).data;
  // As many zeros as after a ReLU, or after the pooling behind it: columns are left out by them.
  const float lowest = is_pooled(program_, program_.steps[step].inputs[0]) ? -1.0f : 0.0f;
  uint32_t state = 1;
  for (int64_t i = 0; i < program_.steps[step].weights->stencil().channels * mode.pixel; ++i) {
    state = state * 1664525 + 1013904223;
    const float value = static_cast<float>(static_cast<int32_t>(state));
    input[i] = std::max(lowest * value, value);
  }
}

double ServedNetwork::time_step(const Mode& mode, size_t step, Form form) {
  const int64_t groups =
      mode.pixel == 1 ? 1 : std::max<int64_t>(1, std::min(options_.largest_batch / mode.pixel, options_.threads));
  reserve(mode, groups);
  const bool linear = program_.steps[step].kind == StepKind::linear;
  const int64_t threads = linear || group_workers(mode, groups) == 1 ? options_.threads : 1;
  Mode timed = mode;
  timed.forms[step] = form;
  const double begin = seconds_now();
  if (linear) {
    run_linear_step(timed, step, groups);
  } else {
    const StepContext context{*kernels_, program_, team_, mode.pixel, threads, 0, scratch_};
    run_step(context, program_.steps[step], form, memory_of(timed, step, 0, 0));
  }
  return seconds_now() - begin;
}

Form ServedNetwork::fastest_form(const Mode& mode, size_t step, const std::vector<Form>& forms) {
  constexpr int fewest = 4, most = 13;
  constexpr double budget_each = 0.015;
  if (forms.size() == 1) return forms[0];
  if (program_.steps[step].kind == StepKind::linear) fill_input(mode, step);
  std::vector<double> least(forms.size(), std::numeric_limits<double>::infinity());
  const double budget = budget_each * static_cast<double>(forms.size()), begin = seconds_now();
  // In turn, and the least of each: whatever else the machine does only ever adds.
  for (int i = 0; i < most && (i < fewest || seconds_now() - begin < budget); ++i) {
    for (size_t form = 0; form < forms.size(); ++form) {
      least[form] = std::min(least[form], time_step(mode, step, forms[form]));
    }
  }
  size_t dense = 0, skipping = 0;
  for (size_t form = 1; form < forms.size(); ++form) {
    size_t& best = skips_zeros(forms[form]) ? skipping : dense;
    if (best == 0 || least[form] < least[best]) best = form;
  }
  const auto wins = [&](size_t form, size_t other, double margin) {
    return least[form] < std::min(margin * least[other], least[other] - kMarginSeconds);
  };
  if (!wins(dense, 0, kMargin)) dense = 0;
  return forms[wins(skipping, dense, kSkippingMargin) ? skipping : dense];
}

void ServedNetwork::measure_wide() {
  const int64_t groups = std::max<int64_t>(1, std::min(options_.largest_batch / kWidePixel, options_.threads));
  const int64_t count = groups * kWidePixel;
  const int64_t entries = graph_.input.channels * graph_.input.height * graph_.input.width;
  const std::vector<float> blank(static_cast<size_t>(count * entries));
  std::vector<float> logits(static_cast<size_t>(count * program_.classes));
  Images images;
  images.count = count;
  images.floats = blank.data();
  double together = std::numeric_limits<double>::infinity(), apart = together;
  for (int i = 0; i < 3; ++i) {
    double begin = seconds_now();
    run_groups(wide_, images, 0, groups, logits.data());
    together = std::min(together, seconds_now() - begin);
    begin = seconds_now();
    run_groups(single_, images, 0, count, logits.data());
    apart = std::min(apart, seconds_now() - begin);
  }
  // Written so that what cannot be compared counts as slower.
  if (together < apart) {
    wide_from_ = std::clamp<int64_t>(static_cast<int64_t>(kWidePixel * together / apart) + 1, 2, kWidePixel);
  }
  if (!(together < apart) || wide_from_ > options_.largest_batch) leave_wide();
}

void ServedNetwork::leave_wide() {
  wide_from_ = kNever;
  for (size_t i = 0; i < program_.steps.size(); ++i) {
    if (wide_.forms[i] == single_.forms[i]) continue;
    program_.steps[i].weights->drop(wide_.forms[i]);
    wide_.forms[i] = single_.forms[i];
  }
  // Memory of sixteen images a pixel goes; that of one is there before the first image comes.
  working_.clear();
  kept_ = AlignedFloats();
  reserve(single_, 1);
}

int64_t ServedNetwork::group_workers(const Mode& mode, int64_t groups) const {
  if (groups < options_.threads || memory_.pixels * mode.pixel > kLargeFloats) return 1;
  return options_.threads;
}

void ServedNetwork::reserve(const Mode& mode, int64_t groups) {
  const int64_t workers = group_workers(mode, groups);
  if (static_cast<int64_t>(working_.size()) < workers) working_.resize(static_cast<size_t>(workers));
  const int64_t floats = memory_.pixels * mode.pixel + kSlack;
  for (int64_t worker = 0; worker < workers; ++worker) {
    if (working_[worker].count() < floats) working_[worker] = AlignedFloats(floats);
  }
  const int64_t kept = memory_.kept_pixels * mode.pixel * groups + kSlack;
  if (kept_.count() < kept) kept_ = AlignedFloats(kept);
}

Planes ServedNetwork::planes_of(const Mode& mode, int64_t value, int64_t worker, int64_t group) {
  const int64_t offset = memory_.offsets[value] * mode.pixel;
  float* start =
      memory_.kept[value] ? kept_.data() + group * memory_.kept_pixels * mode.pixel : working_[worker].data();
  return {start + offset, program_.values[value].layout, mode.pixel};
}

StepMemory ServedNetwork::memory_of(const Mode& mode, size_t step, int64_t worker, int64_t group) {
  const Step& description = program_.steps[step];
  StepMemory memory;
  for (const int64_t input : description.inputs) memory.inputs.push_back(planes_of(mode, input, worker, group));
  if (description.residual >= 0) memory.residual = planes_of(mode, description.residual, worker, group);
  memory.output = planes_of(mode, description.output, worker, group);
  if (memory_.copies[step] >= 0) memory.copy = working_[worker].data() + memory_.copies[step] * mode.pixel;
  return memory;
}

void ServedNetwork::load(const Planes& input, const Images& images, int64_t first, const StepContext& context) {
  // Some rows of a channel a piece: three channels are too few for two threads to share evenly.
  constexpr int64_t kPieceRows = 32;
  const int64_t height = input.layout.height, pieces = (height + kPieceRows - 1) / kPieceRows;
  context.team.run(context.threads, context.first_worker, input.layout.channels * pieces, [&](int64_t item, int64_t) {
    const int64_t channel = item / pieces, row = item % pieces * kPieceRows;
    if (row == 0) clear_padding(input, channel);
    for (int64_t y = row; y < std::min(row + kPieceRows, height); ++y) load_row(images, first, input, channel, y);
  });
}

void ServedNetwork::run_stretch(const Mode& mode, size_t first_step, size_t last_step, const Images* images,
                                int64_t first, int64_t groups) {
  const int64_t workers = group_workers(mode, groups);
  const int64_t inner = workers == 1 ? options_.threads : 1;
  team_.run(workers, 0, groups, [&](int64_t group, int64_t worker) {
    const StepContext context{*kernels_, program_, team_, mode.pixel, inner, worker, scratch_};
    if (images != nullptr) load(planes_of(mode, 0, worker, group), *images, first + group * mode.pixel, context);
    for (size_t step = first_step; step < last_step; ++step) {
      run_step(context, program_.steps[step], mode.forms[step], memory_of(mode, step, worker, group));
    }
  });
}

void ServedNetwork::run_linear_step(const Mode& mode, size_t step, int64_t groups) {
  const Step& description = program_.steps[step];
  std::vector<const float*> inputs;
  std::vector<float*> outputs;
  for (int64_t group = 0; group < groups; ++group) {
    inputs.push_back(planes_of(mode, description.inputs[0], 0, group).data);
    outputs.push_back(planes_of(mode, description.output, 0, group).data);
  }
  const StepContext context{*kernels_, program_, team_, mode.pixel, options_.threads, 0, scratch_};
  run_linear(context, description, mode.forms[step], inputs, outputs);
}

void ServedNetwork::run_groups(const Mode& mode, const Images& images, int64_t first, int64_t groups, float* logits) {
  if (groups == 0) return;
  reserve(mode, groups);
  const size_t steps = program_.steps.size();
  const Images* loading = &images;
  for (size_t step = 0; step < steps || loading != nullptr;) {
    size_t last = step;
    while (last < steps && program_.steps[last].kind != StepKind::linear) ++last;
    if (last > step || loading != nullptr) run_stretch(mode, step, last, loading, first, groups);
    loading = nullptr;
    for (step = last; step < steps && program_.steps[step].kind == StepKind::linear; ++step) {
      run_linear_step(mode, step, groups);
    }
  }
  for (int64_t group = 0; group < groups; ++group) {
    const float* output = planes_of(mode, program_.output, 0, group).data;
    for (int64_t lane = 0; lane < mode.pixel; ++lane) {
      const int64_t image = first + group * mode.pixel + lane;
      if (image >= images.count) break;
      for (int64_t c = 0; c < program_.classes; ++c) {
        logits[image * program_.classes + c] = output[c * mode.pixel + lane];
      }
    }
  }
}

void ServedNetwork::run(const Images& images, float* logits) {
  const Team::Awake awake(team_);
  // Some values of every image of a part are held until the whole part is done.
  const int64_t most = std::max(options_.largest_batch, kFewestGroups * kWidePixel * options_.threads);
  const int64_t part = (most + kWidePixel - 1) / kWidePixel * kWidePixel;
  for (int64_t first = 0; first < images.count; first += part) {
    run_part(images, first, std::min(part, images.count - first), logits);
  }
}

void ServedNetwork::run_part(const Images& images, int64_t first, int64_t count, float* logits) {
  const int64_t rest = count % kWidePixel;
  int64_t groups = 0;
  if (count >= wide_from_) groups = count / kWidePixel + (rest >= wide_from_ ? 1 : 0);
  run_groups(wide_, images, first, groups, logits);
  const int64_t done = std::min(groups * kWidePixel, count);
  run_groups(single_, images, first + done, count - done, logits);
}

std::vector<LayerReport> ServedNetwork::layers() const {
  std::vector<LayerReport> reports;
  for (size_t i = 0; i < program_.steps.size(); ++i) {
    const Step& step = program_.steps[i];
    if (!has_weights(step)) continue;
    reports.push_back({step.name, step.weights->density(), single_.forms[i], wide_.forms[i], step.weights->bytes()});
  }
  return reports;
}

int64_t ServedNetwork::bytes() const {
  int64_t total = kept_.count() * 4;
  for (const AlignedFloats& memory : working_) total += memory.count() * 4;
  for (const Step& step : program_.steps) {
    if (has_weights(step)) total += step.weights->bytes();
  }
  return total;
}

}  // namespace finepune::serve
