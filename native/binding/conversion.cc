#include "binding/conversion.h"

#include <cmath>
#include <cstring>

#include "binding/fields.h"
#include "ops/error.h"
#include "threads/most_threads.h"

namespace finepune::binding {

namespace {

Augmentation to_augmentation(const Fields& fields) {
  Augmentation augmentation;
  const std::string kind = fields.text("kind");
  if (kind == "none") {
    augmentation.kind = Augmentation::Kind::none;
  } else if (kind == "crop") {
    augmentation.kind = Augmentation::Kind::crop;
  } else if (kind == "resized-crop") {
    augmentation.kind = Augmentation::Kind::resized_crop;
  } else {
    throw Error("E_USAGE", "expected none, crop or resized-crop for augmentation.kind but received " + kind);
  }
  const auto pair = [&](const char* name) -> std::array<double, 2> {
    const std::vector<double> numbers = fields.numbers(name);
    if (numbers.size() != 2) throw Error("E_USAGE", std::string("expected two numbers for augmentation.") + name);
    return {numbers[0], numbers[1]};
  };
  augmentation.area_range = pair("areaRange");
  augmentation.aspect_range = pair("aspectRange");
  augmentation.horizontal_flip = fields.boolean("horizontalFlip");
  augmentation.vertical_flip = fields.boolean("verticalFlip");
  return augmentation;
}

Precision to_precision(const std::string& name) {
  if (name == "fp32") return Precision::float32;
  if (name == "tf32") return Precision::tensor_float32;
  if (name == "bf16") return Precision::bfloat16;
  throw Error("E_USAGE", "expected fp32, tf32 or bf16 for options.precision but received " + name);
}

template <typename Array, typename Element>
Napi::Value copy_array(Napi::Env env, const std::vector<Element>& values) {
  Array array = Array::New(env, values.size());
  if (!values.empty()) std::memcpy(array.Data(), values.data(), values.size() * sizeof(Element));
  return array;
}

}  // namespace

Graph to_graph(const Fields& fields) {
  Graph graph;
  const Fields input = fields.object("input");
  graph.input = {input.integer("channels"), input.integer("height"), input.integer("width")};
  graph.output = fields.text("output");
  graph.head = fields.text("head");
  graph.classes = fields.integer("classes");
  for (const Napi::Value& element : fields.list("nodes")) {
    const Fields node(element, fields.path() + ".nodes[" + std::to_string(graph.nodes.size()) + "]");
    GraphNode parsed;
    parsed.name = node.text("name");
    parsed.op = node.text("op");
    parsed.inputs = node.texts("inputs");
    const Fields attributes = node.object("attributes");
    const Napi::Array names = attributes.raw().GetPropertyNames();
    for (uint32_t i = 0; i < names.Length(); ++i) {
      const std::string name = names.Get(i).ToString().Utf8Value();
      const bool list = attributes.value(name.c_str()).IsArray();
      parsed.attributes[name] = list ? attributes.numbers(name.c_str())
                                     : std::vector<double>{attributes.number(name.c_str())};
    }
    graph.nodes.push_back(std::move(parsed));
  }
  return graph;
}

Normalization to_normalization(const Fields& fields) {
  Normalization normalization;
  const std::string order = fields.text("channelOrder");
  if (order == "RGB") {
    normalization.order = ChannelOrder::rgb;
  } else if (order == "BGR") {
    normalization.order = ChannelOrder::bgr;
  } else if (order == "GRAY") {
    normalization.order = ChannelOrder::gray;
  } else {
    throw Error("E_USAGE", "expected RGB, BGR or GRAY for channelOrder but received " + order);
  }
  normalization.scale = fields.number("scale");
  normalization.mean = fields.numbers("mean");
  normalization.std = fields.numbers("std");
  return normalization;
}

SessionOptions to_session_options(Napi::Value value) {
  const Fields fields(value, "options");
  SessionOptions options;
  options.graph = to_graph(fields.object("graph"));
  options.normalization = to_normalization(fields.object("normalization"));
  options.device = fields.text("device");
  options.threads = static_cast<int>(fields.integer("threads", 1, kMostThreads));
  options.precision = to_precision(fields.text("precision"));
  const int64_t seed = fields.integer("seed");
  if (seed < 0) throw Error("E_USAGE", "expected 0 or more for options.seed but received " + std::to_string(seed));
  options.seed = static_cast<uint64_t>(seed);
  return options;
}

ImageFileDescription to_image_file(Napi::Value value) {
  const Fields fields(value, "file");
  return {fields.text("path"),      fields.integer("offset"), fields.integer("records"),
          fields.integer("height"), fields.integer("width"),  fields.integer("channels")};
}

SampleList to_samples(Napi::Value value, const std::string& path) {
  const Fields fields(value, path);
  SampleList samples;
  samples.images = fields.integer("images");
  const auto records = fields.typed_array<Napi::Uint32Array>("records", napi_uint32_array, "Uint32Array");
  const auto labels = fields.typed_array<Napi::Int32Array>("labels", napi_int32_array, "Int32Array");
  samples.records.assign(records.Data(), records.Data() + records.ElementLength());
  samples.labels.assign(labels.Data(), labels.Data() + labels.ElementLength());
  return samples;
}

TrainSlice to_train_slice(Napi::Value value) {
  const Fields fields(value, "slice");
  TrainSlice slice;
  slice.samples = to_samples(fields.value("samples"), "slice.samples");
  slice.first_step = fields.integer("firstStep");
  const auto rates = fields.typed_array<Napi::Float64Array>("learningRates", napi_float64_array, "Float64Array");
  slice.learning_rates.assign(rates.Data(), rates.Data() + rates.ElementLength());
  slice.batch_size = fields.integer("batchSize");
  for (auto& [node, factor] : fields.number_map("learningRateFactors")) slice.learning_rate_factors[node] = factor;
  slice.momentum = fields.number("momentum");
  slice.weight_decay = fields.number("weightDecay");
  slice.label_smoothing = fields.number("labelSmoothing");
  slice.dropout = fields.boolean("dropout");
  slice.clip_norm = fields.number("clipNorm");
  slice.augmentation = to_augmentation(fields.object("augmentation"));
  if (!fields.is_null("surgery")) {
    const Fields surgery = fields.object("surgery");
    slice.surgery = SurgerySchedule{surgery.number("gamma"), surgery.number("power"), surgery.integer("firstStep"),
                                    surgery.integer("stopStep")};
  }
  return slice;
}

ThresholdRequest to_thresholds(Napi::Value value) {
  const Fields fields(value, "request");
  ThresholdRequest request;
  for (auto& [layer, threshold] : fields.number_map("thresholds")) request.thresholds[layer] = threshold;
  request.lower = fields.number("lower");
  request.upper = fields.number("upper");
  return request;
}

Role to_role(const std::string& name) {
  if (name == "parameter") return Role::parameter;
  if (name == "shadow") return Role::shadow;
  if (name == "momentum") return Role::momentum;
  if (name == "mask") return Role::mask;
  throw Error("E_USAGE", "expected parameter, shadow, momentum or mask for role but received " + name);
}

Napi::Value from_train_result(Napi::Env env, const TrainResult& result) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("steps", static_cast<double>(result.steps));
  object.Set("images", static_cast<double>(result.images));
  object.Set("loss", result.loss);
  object.Set("accuracy", result.accuracy);
  object.Set("seconds", result.seconds);
  object.Set("secondsWaiting", result.seconds_waiting);
  object.Set("refreshes", static_cast<double>(result.refreshes));
  return object;
}

Napi::Value from_evaluate_result(Napi::Env env, const EvaluateResult& result) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("images", static_cast<double>(result.images));
  object.Set("top1", result.top1);
  object.Set("top5", result.top5);
  object.Set("loss", result.loss);
  object.Set("predicted", copy_array<Napi::Int32Array>(env, result.predicted));
  object.Set("seconds", result.seconds);
  return object;
}

Napi::Value from_counts(Napi::Env env, const std::vector<LayerCount>& counts) {
  Napi::Array array = Napi::Array::New(env, counts.size());
  for (size_t i = 0; i < counts.size(); ++i) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("name", counts[i].name);
    object.Set("count", static_cast<double>(counts[i].count));
    object.Set("kept", static_cast<double>(counts[i].kept));
    array.Set(static_cast<uint32_t>(i), object);
  }
  return array;
}

Napi::Value from_histogram(Napi::Env env, const MagnitudeHistogram& histogram) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("kept", copy_array<Napi::Uint32Array>(env, histogram.kept));
  object.Set("pruned", copy_array<Napi::Uint32Array>(env, histogram.pruned));
  return object;
}

Napi::Value from_tensor(Napi::Env env, const at::Tensor& tensor) {
  const auto count = static_cast<size_t>(tensor.numel());
  const size_t bytes = tensor.nbytes();
  // The array keeps the tensor's memory alive; large weights are not copied on the main thread.
  auto* owner = new at::Tensor(tensor);
  napi_value created = nullptr;
  const napi_status status = napi_create_external_arraybuffer(
      env, tensor.data_ptr(), bytes, [](napi_env, void*, void* hint) { delete static_cast<at::Tensor*>(hint); }, owner,
      &created);
  Napi::ArrayBuffer buffer;
  if (status == napi_ok) {
    buffer = Napi::ArrayBuffer(env, created);
  } else {
    // A host that forbids external buffers gets a copy.
    buffer = Napi::ArrayBuffer::New(env, bytes);
    std::memcpy(buffer.Data(), tensor.data_ptr(), bytes);
    delete owner;
  }
  if (tensor.scalar_type() == at::kByte) return Napi::Uint8Array::New(env, count, buffer, 0);
  return Napi::Float32Array::New(env, count, buffer, 0);
}

}  // namespace finepune::binding
