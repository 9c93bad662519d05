#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>

#include <unistd.h>

#include <ATen/ATen.h>

#include "check.h"
#include "devices.h"
#include "nn_support.h"
#include "ops/error.h"
#include "ops/memory_advice.h"
#include "train/batch_loader.h"
#include "train/device_batches.h"
#include "train/session.h"

namespace finepune::test {
namespace {

constexpr int64_t records = 40, stored = 20, classes = 5;

// A file of random RGB images; removed at the end.
class RandomImages {
 public:
  RandomImages() {
    path_ = (std::filesystem::temp_directory_path() / ("finepune-session-" + std::to_string(getpid()))).string();
    std::ofstream file(path_, std::ios::binary);
    std::mt19937 generator(7);
    std::string pixels(static_cast<size_t>(records * stored * stored * 3), '\0');
    for (char& pixel : pixels) pixel = static_cast<char>(generator() & 0xff);
    file << pixels;
  }
  ~RandomImages() { std::remove(path_.c_str()); }
  RandomImages(const RandomImages&) = delete;
  RandomImages& operator=(const RandomImages&) = delete;
  ImageFileDescription description() const { return {path_, 0, records, stored, stored, 3}; }

 private:
  std::string path_;
};

// Ends with a linear layer fc2 of `classes` outputs.
Graph graph_of(std::vector<GraphNode> nodes) {
  Graph graph;
  graph.input = {3, 16, 16};
  graph.nodes = std::move(nodes);
  graph.output = graph.head = "fc2";
  graph.classes = classes;
  return graph;
}

// A convolution of every kind, normalisations, pooling and two linear layers.
Graph small_graph() {
  return graph_of({
      // Without a bias: before a normalisation its gradient is rounding and nothing else.
      {"conv1",
       "Conv",
       {"input"},
       {{"out_channels", {16}}, {"kernel_shape", {3, 3}}, {"pads", {1, 1, 1, 1}}, {"bias", {0}}}},
      {"norm1", "BatchNormalization", {"conv1"}, {}},
      {"relu1", "Relu", {"norm1"}, {}},
      {"lrn1", "LRN", {"relu1"}, {{"size", {5}}, {"alpha", {1e-2}}}},
      {"pool1", "MaxPool", {"lrn1"}, {{"kernel_shape", {2, 2}}, {"strides", {2, 2}}}},
      {"conv2", "Conv", {"pool1"}, {{"out_channels", {24}}, {"kernel_shape", {1, 1}}, {"group", {2}}}},
      {"relu2", "Relu", {"conv2"}, {}},
      {"flatten", "Flatten", {"relu2"}, {}},
      {"drop", "Dropout", {"flatten"}, {{"ratio", {0.5}}}},
      {"fc1", "Gemm", {"drop"}, {{"out_features", {32}}}},
      {"relu3", "Relu", {"fc1"}, {}},
      {"fc2", "Gemm", {"relu3"}, {{"out_features", {classes}}}},
  });
}

SessionOptions options_for(c10::Device device) {
  SessionOptions options;
  options.graph = small_graph();
  options.normalization = {ChannelOrder::rgb, 1.0 / 255, {0.5, 0.5, 0.5}, {0.25, 0.25, 0.25}};
  options.device = device.is_cpu() ? "cpu" : "cuda:0";
  options.threads = 2;
  options.seed = 3;
  return options;
}

SampleList all_samples() {
  SampleList samples;
  for (uint32_t record = 0; record < records; ++record) {
    samples.records.push_back(record);
    samples.labels.push_back(static_cast<int32_t>(record % classes));
  }
  return samples;
}

std::unique_ptr<Session> make_session(c10::Device device, const RandomImages& images) {
  auto session = std::make_unique<Session>(options_for(device));
  session->attach_images(images.description());
  std::vector<std::string> names;
  for (const Parameter& parameter : session->network().parameters()) names.push_back(parameter.name);
  session->store().initialize(names, 5);
  return session;
}

const ThresholdRequest request{{{"conv1.weight", 0.1}, {"conv2.weight", 0.1}, {"fc1.weight", 0.02}}, 0.9, 1.1};

TrainSlice slice_of(std::vector<double> learning_rates) {
  TrainSlice slice;
  slice.samples = all_samples();
  slice.learning_rates = std::move(learning_rates);
  slice.batch_size = 12;
  slice.momentum = 0.9;
  slice.weight_decay = 1e-3;
  slice.clip_norm = 1;
  slice.augmentation.kind = Augmentation::Kind::resized_crop;
  slice.augmentation.area_range = {0.5, 1};
  slice.augmentation.aspect_range = {0.75, 1.5};
  slice.augmentation.horizontal_flip = true;
  slice.surgery = SurgerySchedule{0, 1, 0, 1000};
  return slice;
}

// Of all parameters and all their shadows.
double largest_difference(Session& left, Session& right) {
  double largest = 0;
  for (const Parameter& parameter : left.network().parameters()) {
    for (const Role role : {Role::parameter, Role::shadow}) {
      if (role == Role::shadow && !parameter.prunable) continue;
      largest = std::max(largest, relative_error(left.store().get(role, parameter.name),
                                                 right.store().get(role, parameter.name)));
    }
  }
  return largest;
}

int64_t kept_in(const std::vector<LayerCount>& counts) {
  int64_t kept = 0;
  for (const LayerCount& layer : counts) kept += layer.kept;
  return kept;
}

}  // namespace

TEST_ON_DEVICES("a session trains, scores and tries candidates as one on the CPU does") {
  const RandomImages images;
  const auto expected = make_session(c10::kCPU, images);
  const auto session = make_session(device, images);
  CHECK_EQUAL(kept_in(session->store().set_thresholds(request)), kept_in(expected->store().set_thresholds(request)));
  for (int64_t first = 0; first < 9; first += 3) {
    TrainSlice slice = slice_of({0.02, 0.01, 0.005});
    slice.first_step = first;
    // The last under frozen masks.
    if (first == 6) slice.surgery.reset();
    const TrainResult left = session->train(slice);
    const TrainResult right = expected->train(slice);
    CHECK_EQUAL(left.steps, 3);
    CHECK_EQUAL(left.images, 36);
    CHECK_EQUAL(left.refreshes, right.refreshes);
    CHECK_NEAR(left.loss, right.loss, 1e-3);
  }
  CHECK(largest_difference(*session, *expected) < 5e-3);
  // A weight whose rounding differs may lie on the other side of its threshold.
  CHECK_NEAR(static_cast<double>(kept_in(session->store().counts())),
             static_cast<double>(kept_in(expected->store().counts())), 4);
  int64_t ones = 0;
  for (const auto& [name, threshold] : request.thresholds) {
    ones += session->store().get(Role::mask, name).sum().item<int64_t>();
  }
  const int64_t dense = session->network().parameter("fc2.weight").value.numel();
  CHECK_EQUAL(kept_in(session->store().counts()), ones + dense);

  const EvaluateResult before = session->evaluate(all_samples(), 16);
  const EvaluateResult reference = expected->evaluate(all_samples(), 16);
  CHECK_EQUAL(before.images, records);
  CHECK_NEAR(before.loss, reference.loss, 1e-2);
  session->store().set_candidate({{{"fc1.weight", 0.1}}, 1, 1});
  CHECK(session->evaluate(all_samples(), 16).loss != before.loss);
  session->store().end_candidate();
  CHECK_NEAR(session->evaluate(all_samples(), 16).loss, before.loss, 1e-6);
}

TEST_ON_DEVICES("a loss that is not finite names its step, and neither it nor a later step changes weights or statistics") {
  const RandomImages images;
  const auto session = make_session(device, images);
  const auto expected = make_session(device, images);
  for (Session* each : {session.get(), expected.get()}) each->store().set_thresholds(request);
  expected->train(slice_of({0.01, 1e30}));
  CHECK_THROWS(Error, "the loss is not finite at step 2", session->train(slice_of({0.01, 1e30, 0.01, 0.01})));
  for (const char* name : {"conv1.weight", "fc1.weight", "fc2.bias", "norm1.running_mean", "norm1.running_var"}) {
    const at::Tensor left = session->store().get(Role::parameter, name);
    CHECK(at::isfinite(left).all().item<bool>());
    CHECK(relative_error(left, expected->store().get(Role::parameter, name)) < 1e-3);
  }
  CHECK_NEAR(static_cast<double>(kept_in(session->store().counts())),
             static_cast<double>(kept_in(expected->store().counts())), 4);
}

TEST_ON_DEVICES("bfloat16 is near float32, and dropout drops") {
  const RandomImages images;
  SessionOptions options = options_for(device);
  options.precision = Precision::bfloat16;
  Session session(options);
  session.attach_images(images.description());
  const auto expected = make_session(device, images);
  for (const Parameter& parameter : expected->network().parameters()) {
    session.store().set(Role::parameter, parameter.name, expected->store().get(Role::parameter, parameter.name).flatten());
  }
  CHECK_NEAR(session.train(slice_of({0.01})).loss, expected->train(slice_of({0.01})).loss, 5e-2);
  TrainSlice dropping = slice_of({0.0});
  TrainSlice whole = dropping;
  dropping.dropout = true;
  CHECK(expected->train(dropping).loss != expected->train(whole).loss);
}

// What a GPU computes by kernels of its own in tensor_float32: the taps of a folded first layer, the step of a large linear
// layer.
Graph large_graph() {
  return graph_of({
      {"conv1",
       "Conv",
       {"input"},
       {{"out_channels", {64}}, {"kernel_shape", {11, 11}}, {"strides", {4, 4}}, {"pads", {2, 2, 2, 2}}}},
      {"relu1", "Relu", {"conv1"}, {}},
      {"flatten", "Flatten", {"relu1"}, {}},
      {"fc1", "Gemm", {"flatten"}, {{"out_features", {2048}}}},
      {"relu2", "Relu", {"fc1"}, {}},
      {"fc2", "Gemm", {"relu2"}, {{"out_features", {classes}}}},
  });
}

std::unique_ptr<Session> make_large_session(c10::Device device, Precision precision, const RandomImages& images) {
  SessionOptions options = options_for(device);
  options.graph = large_graph();
  options.precision = precision;
  auto session = std::make_unique<Session>(options);
  session->attach_images(images.description());
  std::vector<std::string> names;
  for (const Parameter& parameter : session->network().parameters()) names.push_back(parameter.name);
  session->store().initialize(names, 5);
  session->store().set_thresholds({{{"conv1.weight", 0.02}, {"fc1.weight", 0.01}}, 0.9, 1.1});
  return session;
}

// Clipped by its norm, then not; the later steps of a slice come from a record on a GPU.
void train_clipped_and_not(Session& session) {
  for (const double clip_norm : {0.5, 0.0}) {
    TrainSlice slice = slice_of({0.01, 0.01, 0.005, 0.005});
    slice.clip_norm = clip_norm;
    slice.label_smoothing = 0.1;
    session.train(slice);
  }
}

void check_large_session(c10::Device device, Precision precision, double tolerance) {
  const RandomImages images;
  const auto expected = make_large_session(c10::kCPU, Precision::float32, images);
  const auto session = make_large_session(device, precision, images);
  for (Session* each : {expected.get(), session.get()}) train_clipped_and_not(*each);
  for (const Parameter& parameter : session->network().parameters()) {
    if (!parameter.prunable) continue;
    CHECK(relative_error(session->store().get(Role::shadow, parameter.name),
                         expected->store().get(Role::shadow, parameter.name)) < tolerance);
  }
  const auto kept = [](Session& of) { return static_cast<double>(kept_in(of.store().counts())); };
  CHECK_NEAR(kept(*session) / kept(*expected), 1.0, 5e-2);
}

TEST_ON_DEVICES("tensor_float32 trains large linear layers and folded first layers as float32 does") {
  if (device.is_cpu()) throw Skipped("a CPU has no tensor_float32");
  check_large_session(device, Precision::tensor_float32, 1e-2);
}

// test/gpu/run.sh leaves tests of these words out where it looks for races.
TEST_ON_DEVICES("bfloat16 is near float32 in large linear layers and folded first layers") {
  check_large_session(device, Precision::bfloat16, 5e-2);
}

TEST_ON_DEVICES("a session's products have its own precision, whatever another one's had meanwhile") {
  const RandomImages images;
  const Precision precision = device.is_cpu() ? Precision::float32 : Precision::tensor_float32;
  const auto alone = make_large_session(device, precision, images);
  const auto beside = make_large_session(device, precision, images);
  const auto other = make_large_session(device, Precision::float32, images);
  for (int64_t step = 0; step < 4; ++step) {
    TrainSlice slice = slice_of({0.01});
    slice.first_step = step;
    for (Session* each : {alone.get(), beside.get()}) {
      if (each == beside.get()) other->evaluate(all_samples(), 16);
      each->train(slice);
      each->evaluate(all_samples(), 16);
    }
  }
  CHECK_EQUAL(largest_difference(*alone, *beside), 0.0);
}

TEST_ON_DEVICES("logits and gradients of given images are the CPU's") {
  const RandomImages images;
  const auto expected = make_session(c10::kCPU, images);
  const auto session = make_session(device, images);
  const at::Tensor pixels = at::randint(0, 256, {3, stored, stored, 3}, at::kByte);
  CHECK(relative_error(session->forward(pixels), expected->forward(pixels)) < 1e-4);
  const at::Tensor input = random_tensor({4, 3, 16, 16}, 4);
  const Session::Gradients left = session->gradients(input, {0, 1, 2, 3});
  const Session::Gradients right = expected->gradients(input, {0, 1, 2, 3});
  CHECK_EQUAL(left.gradients.size(), right.gradients.size());
  for (const auto& [name, gradient] : right.gradients) CHECK(relative_error(left.gradients.at(name), gradient) < 1e-3);
}

TEST_ON_DEVICES("batches made on a device are the CPU's, uploaded one by one or once") {
  const RandomImages images;
  const auto file = std::make_shared<const ImageFile>(images.description());
  const BatchSettings settings{file, make_channel_map(options_for(device).normalization, 3), {16, 16}, 7, 6, 2};
  const BatchPlan plan = [](int64_t batch, std::vector<BatchItem>& items) {
    for (int64_t i = 0; i < (batch == 6 ? 3 : 6); ++i) {
      const auto record = static_cast<uint32_t>((batch * 11 + i * 5) % records);
      items.push_back({record, static_cast<int32_t>(batch), {i % 4, batch % 4, 10 + i, 16 - batch, i % 2 == 0, false}});
    }
  };
  const at::Tensor resident = DeviceImages(file, device).all();
  for (const at::Tensor& source : {resident, at::Tensor()}) {
    BatchLoader expected(settings, plan);
    std::unique_ptr<BatchSource> made;
    if (device.is_cpu()) {
      made = std::make_unique<BatchLoader>(settings, plan);
    } else {
      made = std::make_unique<DeviceBatches>(settings, plan, device, source);
    }
    for (int64_t batch = 0; batch < settings.batches; ++batch) {
      const Batch& left = made->next();
      const Batch& right = expected.next();
      CHECK(left.images.device() == device && left.labels.device() == device);
      CHECK(at::allclose(left.images.cpu(), right.images, 1e-5, 1e-5));
      CHECK(at::equal(left.labels.cpu(), right.labels));
    }
  }
}

TEST("steps past the largest are refused, also where their sum is past every integer") {
  const RandomImages images;
  const std::unique_ptr<Session> session = make_session(c10::kCPU, images);
  for (const int64_t first : {int64_t{-1}, largest_step - 1, std::numeric_limits<int64_t>::max()}) {
    TrainSlice slice = slice_of({0.1, 0.1});
    slice.first_step = first;
    CHECK_THROWS(Error, "below 2^40", session->train(slice));
  }
}

TEST("memory that runs out becomes E_OOM with what was asked for and half the batch") {
  const auto run = [](int64_t batch) {
    with_memory_advice(batch, c10::Device(c10::kCUDA, 1), []() -> int {
      throw c10::OutOfMemoryError({__func__, __FILE__, __LINE__}, "CUDA out of memory. Tried to allocate 2.00 GiB.\nMore");
    });
  };
  CHECK_THROWS(Error, "memory ran out on cuda:1 at a batch size of 64: CUDA out of memory. Tried to allocate 2.00 GiB.; "
                      "use a batch size of 32 or less",
               run(64));
  CHECK_THROWS(Error, "use a smaller network", run(1));
}

TEST("a device that is not there is refused, never replaced") {
  SessionOptions options = options_for(c10::kCPU);
  options.device = "cuda:99";
  CHECK_THROWS(Error, "device cuda:99 was asked for but", Session(std::move(options)));
  SessionOptions rounded = options_for(c10::kCPU);
  rounded.precision = Precision::tensor_float32;
  CHECK_THROWS(Error, "precision tf32 was asked for on the CPU", Session(std::move(rounded)));
}

}  // namespace finepune::test
