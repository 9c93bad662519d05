// Images, and the slices of work over them.
#include <limits>

#include <ATen/Functions.h>

#include "binding/calls.h"
#include "binding/conversion.h"
#include "binding/exports.h"
#include "binding/fields.h"
#include "ops/error.h"

namespace finepune::binding {

namespace {

Napi::Value attach_images(const Napi::CallbackInfo& info) {
  const auto worker = idle_worker_of(info[0]);
  return start(
      info.Env(), worker, {},
      [file = to_image_file(info[1])](Session& session) { return session.attach_images(file); },
      [](Napi::Env env, int64_t number) -> Napi::Value { return Napi::Number::New(env, static_cast<double>(number)); });
}

Napi::Value train(const Napi::CallbackInfo& info) {
  const auto worker = idle_worker_of(info[0]);
  return start(
      info.Env(), worker, {}, [slice = to_train_slice(info[1])](Session& session) { return session.train(slice); },
      from_train_result);
}

Napi::Value evaluate(const Napi::CallbackInfo& info) {
  const auto worker = idle_worker_of(info[0]);
  const Fields request(info[1], "request");
  return start(
      info.Env(), worker, {},
      [samples = to_samples(request.value("samples"), "request.samples"),
       batch_size = request.integer("batchSize")](Session& session) { return session.evaluate(samples, batch_size); },
      from_evaluate_result);
}

Napi::Value refresh_batch_norm(const Napi::CallbackInfo& info) {
  const auto worker = idle_worker_of(info[0]);
  const Fields request(info[1], "request");
  return start(
      info.Env(), worker, {},
      [samples = to_samples(request.value("samples"), "request.samples"), batch_size = request.integer("batchSize"),
       batches = request.integer("batches"), step = request.integer("step")](Session& session) {
        session.refresh_batch_norm(samples, batch_size, batches, step);
      },
      undefined);
}

Napi::Value calibrate(const Napi::CallbackInfo& info) {
  const auto worker = idle_worker_of(info[0]);
  const Fields request(info[1], "request");
  return start(
      info.Env(), worker, {},
      [names = request.texts("names"), samples = to_samples(request.value("samples"), "request.samples"),
       batch_size = request.integer("batchSize")](Session& session) { session.calibrate(names, samples, batch_size); },
      undefined);
}

// request.shape, with as many entries as the array given has.
std::vector<int64_t> shape_of(const Fields& request, size_t entries) {
  std::vector<int64_t> shape;
  double product = 1;
  for (const double size : request.numbers("shape")) {
    if (!(size >= 1) || size > std::numeric_limits<int32_t>::max() || size != static_cast<double>(static_cast<int64_t>(size))) {
      throw Error("E_USAGE", "expected sizes of 1 or more for " + request.path() + ".shape");
    }
    product *= size;
    shape.push_back(static_cast<int64_t>(size));
  }
  if (shape.size() != 4 || product != static_cast<double>(entries)) {
    throw Error("E_USAGE", "expected four sizes whose product is " + std::to_string(entries) + " for " +
                               request.path() + ".shape");
  }
  return shape;
}

Napi::Value forward(const Napi::CallbackInfo& info) {
  const auto worker = idle_worker_of(info[0]);
  const Fields request(info[1], "request");
  const Napi::Value value = request.value("pixels");
  const bool bytes = value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
  const bool floats = value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_float32_array;
  if (!bytes && !floats) throw Error("E_USAGE", "expected a Uint8Array or Float32Array for request.pixels");
  const std::vector<int64_t> shape = shape_of(request, value.As<Napi::TypedArray>().ElementLength());
  void* data = bytes ? static_cast<void*>(value.As<Napi::Uint8Array>().Data())
                     : static_cast<void*>(value.As<Napi::Float32Array>().Data());
  const at::Tensor images = at::from_blob(data, shape, bytes ? at::kByte : at::kFloat);
  return start(
      info.Env(), worker, {value}, [images](Session& session) { return session.forward(images).contiguous(); },
      [](Napi::Env env, const at::Tensor& logits) -> Napi::Value {
        Napi::Object result = Napi::Object::New(env);
        result.Set("logits", from_tensor(env, logits));
        Napi::Array sizes = Napi::Array::New(env, 2);
        sizes.Set(0u, static_cast<double>(logits.size(0)));
        sizes.Set(1u, static_cast<double>(logits.size(1)));
        result.Set("shape", sizes);
        return result;
      });
}

Napi::Value gradients(const Napi::CallbackInfo& info) {
  const auto worker = idle_worker_of(info[0]);
  const Fields request(info[1], "request");
  const auto values = request.typed_array<Napi::Float32Array>("input", napi_float32_array, "Float32Array");
  const auto labels = request.typed_array<Napi::Int32Array>("labels", napi_int32_array, "Int32Array");
  float* data = const_cast<Napi::Float32Array&>(values).Data();
  const at::Tensor input = at::from_blob(data, shape_of(request, values.ElementLength()), at::kFloat);
  return start(
      info.Env(), worker, {values},
      [input, copied = std::vector<int32_t>(labels.Data(), labels.Data() + labels.ElementLength())](
          Session& session) { return session.gradients(input, copied); },
      [](Napi::Env env, const Session::Gradients& gradients) -> Napi::Value {
        Napi::Object result = Napi::Object::New(env);
        result.Set("loss", gradients.loss);
        result.Set("logits", from_tensor(env, gradients.logits));
        Napi::Object map = Napi::Object::New(env);
        for (const auto& [name, gradient] : gradients.gradients) map.Set(name, from_tensor(env, gradient));
        result.Set("gradients", map);
        return result;
      });
}

}  // namespace

void export_slices(Napi::Env env, Napi::Object exports) {
  exports.Set("attachImages", Napi::Function::New(env, async<attach_images>, "attachImages"));
  exports.Set("train", Napi::Function::New(env, async<train>, "train"));
  exports.Set("evaluate", Napi::Function::New(env, async<evaluate>, "evaluate"));
  exports.Set("calibrateParameters", Napi::Function::New(env, async<calibrate>, "calibrateParameters"));
  exports.Set("refreshBatchNorm", Napi::Function::New(env, async<refresh_batch_norm>, "refreshBatchNorm"));
  exports.Set("forward", Napi::Function::New(env, async<forward>, "forward"));
  exports.Set("gradients", Napi::Function::New(env, async<gradients>, "gradients"));
}

}  // namespace finepune::binding
