// Images, and the slices of work over them.
#include <ATen/Functions.h>

#include "binding/calls.h"
#include "binding/conversion.h"
#include "binding/exports.h"
#include "binding/fields.h"

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

Napi::Value forward(const Napi::CallbackInfo& info) {
  const auto worker = idle_worker_of(info[0]);
  const Fields request(info[1], "request");
  const SharedEntries pixels = request.tensor("pixels");
  const at::Tensor images = pixels.entries.view(request.shape("shape", pixels.entries.numel()));
  return start(
      info.Env(), worker, {pixels.array}, [images](Session& session) { return session.forward(images).contiguous(); },
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
  const auto shape = request.shape("shape", static_cast<int64_t>(values.ElementLength()));
  const at::Tensor input = at::from_blob(data, shape, at::kFloat);
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
