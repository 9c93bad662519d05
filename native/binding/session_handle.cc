#include "binding/session_handle.h"

#include "ops/error.h"

namespace finepune::binding {

namespace {

constexpr napi_type_tag session_tag = {0x6b0f3c9d2a7e4f15, 0x9c41d87a53e60b2f};
constexpr napi_type_tag served_network_tag = {0x2f9a6e51c80d43b7, 0x8d15b3f07c2a9e64};

const napi_type_tag* tag_of(HandleKind kind) {
  return kind == HandleKind::session ? &session_tag : &served_network_tag;
}

using Holder = std::shared_ptr<SessionWorker>;

void finalize(napi_env env, void* data, void*) {
  auto* holder = static_cast<Holder*>(data);
  forget_memory(env, **holder);
  delete holder;
}

class DisposeJob final : public Job {
 public:
  using Job::Job;
  void execute() override {
    worker().set_session(nullptr);
    worker().served_network.reset();
  }
  Napi::Value result(Napi::Env env) override { return env.Undefined(); }
  void settled(Napi::Env env) override {
    forget_memory(env, worker());
    worker().dispose_done = true;
    worker().busy = false;
    worker().close();
    for (const Napi::Promise::Deferred& waiter : worker().dispose_waiters) waiter.Resolve(env.Undefined());
    worker().dispose_waiters.clear();
  }
};

}  // namespace

void forget_memory(napi_env env, SessionWorker& worker) {
  int64_t total = 0;
  if (worker.external_bytes != 0) napi_adjust_external_memory(env, -worker.external_bytes, &total);
  worker.external_bytes = 0;
}

Napi::Object make_handle(Napi::Env env, std::shared_ptr<SessionWorker> worker, HandleKind kind) {
  Napi::Object object = Napi::Object::New(env);
  auto holder = std::make_unique<Holder>(std::move(worker));
  if (napi_wrap(env, object, holder.get(), finalize, nullptr, nullptr) != napi_ok) throw Napi::Error::New(env);
  static_cast<void>(holder.release());
  if (napi_type_tag_object(env, object, tag_of(kind)) != napi_ok) throw Napi::Error::New(env);
  return object;
}

std::shared_ptr<SessionWorker> worker_of(Napi::Value handle, HandleKind kind) {
  bool ours = false;
  if (handle.IsObject()) napi_check_object_type_tag(handle.Env(), handle, tag_of(kind), &ours);
  void* data = nullptr;
  if (!ours || napi_unwrap(handle.Env(), handle, &data) != napi_ok || data == nullptr) {
    throw Error("E_USAGE", kind == HandleKind::session ? "expected a session made by createSession"
                                                       : "expected a network made by createServedNetwork");
  }
  return *static_cast<Holder*>(data);
}

std::shared_ptr<SessionWorker> idle_worker_of(Napi::Value handle, HandleKind kind) {
  std::shared_ptr<SessionWorker> worker = worker_of(handle, kind);
  const std::string what = kind == HandleKind::session ? "the session" : "the network";
  if (worker->disposed) throw Error("E_DISPOSED", what + " has been disposed of; make a new one");
  if (worker->busy) throw Error("E_BUSY", what + " is running another call; wait for its promise first");
  return worker;
}

Napi::Promise dispose_worker(Napi::Env env, const std::shared_ptr<SessionWorker>& worker) {
  if (!worker->disposed) {
    worker->disposed = true;
    auto job = std::make_unique<DisposeJob>(env, worker);
    const Napi::Promise promise = job->promise();
    worker->enqueue(std::move(job));
    return promise;
  }
  const auto deferred = Napi::Promise::Deferred::New(env);
  if (worker->dispose_done) {
    deferred.Resolve(env.Undefined());
  } else {
    worker->dispose_waiters.push_back(deferred);
  }
  return deferred.Promise();
}

}  // namespace finepune::binding
