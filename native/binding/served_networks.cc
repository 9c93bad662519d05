// Networks loaded for inference: lib/native/addon.ts's createServedNetwork and what goes with it.
#include "binding/calls.h"
#include "binding/conversion.h"
#include "binding/environment.h"
#include "binding/exports.h"
#include "binding/fields.h"
#include "ops/cpu/direct_kernels.h"
#include "ops/cpu/direct_choice.h"
#include "ops/device.h"
#include "ops/error.h"
#include "ops/preprocessing.h"
#include "serve/libtorch_network.h"
#include "serve/served_network.h"
#include "threads/give_way.h"
#include "threads/most_threads.h"

namespace finepune::binding {

namespace {

constexpr int64_t kLargestBatch = 65536;

struct NamedFloats {
  std::string name;
  std::span<const float> values;
};

struct CreateRequest {
  Graph graph;
  c10::Device device = c10::kCPU;
  serve::ServeOptions options;
  std::vector<NamedFloats> tensors;
};

class CreateServedJob final : public Job {
 public:
  CreateServedJob(Napi::Env env, std::shared_ptr<SessionWorker> worker, CreateRequest request)
      : Job(env, std::move(worker)), request_(std::move(request)) {}

  void execute() override {
    // This is the thread that runs all the network's batches; its helpers are started by it.
    if (request_.device.is_cpu()) give_way();
    worker().served_network = with_spec_errors([&] { return make_network(); });
  }

  Napi::Value result(Napi::Env env) override {
    worker().external_bytes = worker().served_network->bytes();
    int64_t total = 0;
    napi_adjust_external_memory(env, worker().external_bytes, &total);
    return make_handle(env, shared_worker(), HandleKind::served_network);
  }

  void settled(Napi::Env) override { worker().busy = false; }

 private:
  std::unique_ptr<serve::Served> make_network() const {
    serve::Tensors tensors;
    for (const NamedFloats& tensor : request_.tensors) tensors[tensor.name] = tensor.values;
    const serve::ServeOptions& options = request_.options;
    if (request_.device.is_cpu()) return std::make_unique<serve::ServedNetwork>(request_.graph, tensors, options);
    return std::make_unique<serve::LibtorchNetwork>(
        request_.graph, tensors,
        serve::LibtorchOptions{request_.device, options.threads, options.largest_batch, options.choice});
  }

  CreateRequest request_;
};

struct Logits {
  std::vector<float> values;
  int64_t images, classes;
};

class RunServedJob final : public Job {
 public:
  RunServedJob(Napi::Env env, std::shared_ptr<SessionWorker> worker, serve::Images images)
      : Job(env, std::move(worker)), images_(images) {}

  void execute() override {
    serve::Served& network = *worker().served_network;
    const int64_t classes = network.graph().classes;
    logits_ = {std::vector<float>(static_cast<size_t>(images_.count * classes)), images_.count, classes};
    network.run(images_, logits_.values.data());
  }

  Napi::Value result(Napi::Env env) override {
    auto values = Napi::Float32Array::New(env, logits_.values.size());
    std::copy(logits_.values.begin(), logits_.values.end(), values.Data());
    Napi::Object object = Napi::Object::New(env);
    object.Set("logits", values);
    Napi::Array shape = Napi::Array::New(env, 2);
    shape.Set(0u, static_cast<double>(logits_.images));
    shape.Set(1u, static_cast<double>(logits_.classes));
    object.Set("shape", shape);
    return object;
  }

  void settled(Napi::Env) override { worker().busy = false; }

 private:
  serve::Images images_;
  Logits logits_;
};

const cpu::DirectKernels* kernels_called(const std::string& name) {
  if (name == "best") return nullptr;
  if (const cpu::DirectKernels* found = cpu::find_direct_kernels(name)) return found;
  throw Error("E_USAGE", "this CPU cannot run the kernels called " + name);
}

serve::Choice to_choice(const std::string& name) {
  if (name == "measured") return serve::Choice::measured;
  if (name == "measured-dense") return serve::Choice::measured_dense;
  if (name == "dense") return serve::Choice::dense;
  if (name == "winograd") return serve::Choice::winograd;
  if (name == "sparse") return serve::Choice::sparse;
  if (name == "merged") return serve::Choice::merged;
  if (name == "columns") return serve::Choice::columns;
  throw Error("E_USAGE",
              "expected measured, measured-dense, dense, winograd, sparse, merged or columns for options.forms "
              "but received " +
                  name);
}

Napi::Value create(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Fields fields(info[0], "options");
  CreateRequest request;
  request.graph = to_graph(fields.object("graph"));
  request.device = parse_device(fields.text("device"));
  request.options.threads = fields.integer("threads", 1, kMostThreads);
  request.options.largest_batch = fields.integer("largestBatch", 1, kLargestBatch);
  request.options.choice = to_choice(fields.text("forms"));
  request.options.kernels = kernels_called(fields.text("kernels"));
  const Fields map = fields.object("tensors");
  const Napi::Array names = map.raw().GetPropertyNames();
  std::vector<Napi::Value> keep;
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const std::string name = names.Get(i).ToString().Utf8Value();
    auto values = map.typed_array<Napi::Float32Array>(name.c_str(), napi_float32_array, "Float32Array");
    request.tensors.push_back({name, {values.Data(), values.ElementLength()}});
    keep.push_back(values);
  }
  auto worker = std::make_shared<SessionWorker>(Environment::of(env));
  worker->busy = true;
  auto job = std::make_unique<CreateServedJob>(env, worker, std::move(request));
  for (const Napi::Value& value : keep) job->keep(value);
  const Napi::Promise promise = job->promise();
  worker->enqueue(std::move(job));
  return promise;
}

Napi::Value run(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto worker = idle_worker_of(info[0], HandleKind::served_network);
  const Fields request(info[1], "request");
  const auto [array, pixels] = request.tensor("pixels");
  const bool bytes = pixels.scalar_type() == at::kByte;
  const auto shape = request.shape("shape", pixels.numel());
  const GraphInput& input = worker->served_network->graph().input;
  serve::Images images;
  images.count = shape[0];
  bool fits = false;
  if (bytes) {
    fits = shape[3] == input.channels && shape[1] >= input.height && shape[2] >= input.width;
    images.bytes = pixels.const_data_ptr<uint8_t>();
  } else {
    fits = shape[1] == input.channels && shape[2] == input.height && shape[3] == input.width;
    images.floats = pixels.const_data_ptr<float>();
  }
  if (!fits) {
    throw Error("E_USAGE", "the images of request.pixels do not fit the network's input of " +
                               std::to_string(input.channels) + "x" + std::to_string(input.height) + "x" +
                               std::to_string(input.width));
  }
  if (bytes) {
    const ChannelMap map = make_channel_map(to_normalization(request.object("normalization")), input.channels);
    const Crop crop = center_crop({shape[1], shape[2]}, {input.height, input.width});
    images.stored_height = shape[1];
    images.stored_width = shape[2];
    images.top = crop.top;
    images.left = crop.left;
    for (size_t c = 0; c < 3; ++c) {
      images.source[c] = map.source[c];
      images.factor[c] = map.factor[c];
      images.shift[c] = map.shift[c];
    }
  }
  auto job = std::make_unique<RunServedJob>(env, worker, images);
  job->keep(array);
  const Napi::Promise promise = job->promise();
  worker->busy = true;
  worker->enqueue(std::move(job));
  return promise;
}

const char* name_of(serve::Form form) {
  switch (form) {
    case serve::Form::dense:
      return "dense";
    case serve::Form::winograd:
      return "winograd";
    case serve::Form::sparse:
      return "sparse";
    case serve::Form::merged:
      return "merged";
    case serve::Form::columns:
      return "columns";
  }
  return "";
}

Napi::Value describe_network(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto worker = idle_worker_of(info[0], HandleKind::served_network);
  const std::vector<serve::LayerReport> reports = worker->served_network->layers();
  Napi::Array layers = Napi::Array::New(env, reports.size());
  for (size_t i = 0; i < reports.size(); ++i) {
    Napi::Object layer = Napi::Object::New(env);
    layer.Set("name", reports[i].name);
    layer.Set("density", reports[i].density);
    layer.Set("single", name_of(reports[i].single));
    layer.Set("batched", name_of(reports[i].wide));
    layer.Set("bytes", static_cast<double>(reports[i].bytes));
    layers.Set(static_cast<uint32_t>(i), layer);
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("layers", layers);
  object.Set("bytes", static_cast<double>(worker->served_network->bytes()));
  return object;
}

Napi::Value dispose(const Napi::CallbackInfo& info) {
  return dispose_worker(info.Env(), worker_of(info[0], HandleKind::served_network));
}

}  // namespace

void export_served_networks(Napi::Env env, Napi::Object exports) {
  exports.Set("createServedNetwork", Napi::Function::New(env, async<create>, "createServedNetwork"));
  exports.Set("runServedNetwork", Napi::Function::New(env, async<run>, "runServedNetwork"));
  exports.Set("describeServedNetwork", Napi::Function::New(env, sync<describe_network>, "describeServedNetwork"));
  exports.Set("disposeServedNetwork", Napi::Function::New(env, async<dispose>, "disposeServedNetwork"));
}

}  // namespace finepune::binding
