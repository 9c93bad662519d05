// Life and death of sessions.
#include "binding/calls.h"
#include "binding/conversion.h"
#include "binding/environment.h"
#include "binding/exports.h"

namespace finepune::binding {

namespace {

class CreateJob final : public Job {
 public:
  CreateJob(Napi::Env env, std::shared_ptr<SessionWorker> worker, SessionOptions options)
      : Job(env, std::move(worker)), options_(std::move(options)) {}

  void execute() override { worker().set_session(std::make_unique<Session>(std::move(options_))); }

  Napi::Value result(Napi::Env env) override {
    // What a pruned session grows to: parameter, shadow and momentum, and a byte of mask an entry.
    worker().external_bytes = worker().session()->parameter_bytes() / 4 * 13;
    int64_t total = 0;
    napi_adjust_external_memory(env, worker().external_bytes, &total);
    return make_handle(env, shared_worker());
  }

  void settled(Napi::Env) override { worker().busy = false; }

 private:
  SessionOptions options_;
};

Napi::Value create_session(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  SessionOptions options = to_session_options(info[0]);
  auto worker = std::make_shared<SessionWorker>(Environment::of(env));
  worker->busy = true;
  auto job = std::make_unique<CreateJob>(env, worker, std::move(options));
  const Napi::Promise promise = job->promise();
  worker->enqueue(std::move(job));
  return promise;
}

Napi::Value dispose_session(const Napi::CallbackInfo& info) {
  return dispose_worker(info.Env(), worker_of(info[0]));
}

Napi::Value stop_session(const Napi::CallbackInfo& info) {
  worker_of(info[0])->request_stop();
  return info.Env().Undefined();
}

Napi::Value describe_parameters(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::shared_ptr<SessionWorker> worker = idle_worker_of(info[0]);
  const std::vector<Parameter>& parameters = worker->session()->network().parameters();
  Napi::Array array = Napi::Array::New(env, parameters.size());
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Parameter& parameter = parameters[i];
    Napi::Object object = Napi::Object::New(env);
    object.Set("name", parameter.name);
    object.Set("node", parameter.node);
    object.Set("kind", parameter.kind);
    Napi::Array shape = Napi::Array::New(env, static_cast<size_t>(parameter.value.dim()));
    for (int64_t d = 0; d < parameter.value.dim(); ++d) {
      shape.Set(static_cast<uint32_t>(d), static_cast<double>(parameter.value.size(d)));
    }
    object.Set("shape", shape);
    object.Set("prunable", parameter.prunable);
    array.Set(static_cast<uint32_t>(i), object);
  }
  return array;
}

}  // namespace

void export_sessions(Napi::Env env, Napi::Object exports) {
  exports.Set("createSession", Napi::Function::New(env, async<create_session>, "createSession"));
  exports.Set("disposeSession", Napi::Function::New(env, async<dispose_session>, "disposeSession"));
  exports.Set("stopSession", Napi::Function::New(env, sync<stop_session>, "stopSession"));
  exports.Set("describeParameters", Napi::Function::New(env, sync<describe_parameters>, "describeParameters"));
}

}  // namespace finepune::binding
