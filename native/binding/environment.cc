#include "binding/environment.h"

#include "binding/session_worker.h"

namespace finepune::binding {

std::shared_ptr<Environment> Environment::of(Napi::Env env) {
  return *env.GetInstanceData<std::shared_ptr<Environment>>();
}

void Environment::install(Napi::Env env) {
  const auto environment = std::make_shared<Environment>(env);
  env.SetInstanceData(new std::shared_ptr<Environment>(environment));
  // Cleanup hooks run last in, first out: this one before that of the thread-safe function, so that no thread is left
  // to call it when it goes.
  env.AddCleanupHook([environment] { environment->close_workers(); });
  // process.exit and an uncaught exception end the process without cleanup hooks; a thread left computing would then use
  // libtorch while its statics are torn down. A handler of atexit comes too late: libtorch makes statics while it computes.
  const Napi::Object process = env.Global().Get("process").As<Napi::Object>();
  const Napi::Function listener = Napi::Function::New(env, [environment](const Napi::CallbackInfo&) { environment->close_workers(); });
  process.Get("on").As<Napi::Function>().Call(process, {Napi::String::New(env, "exit"), listener});
}

Environment::Environment(Napi::Env env) : env_(env) {
  const napi_value name = Napi::String::New(env, "finepune");
  if (napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, settle, &done_) !=
      napi_ok) {
    throw Napi::Error::New(env);
  }
  napi_unref_threadsafe_function(env, done_);
}

void Environment::job_started() {
  if (pending_++ == 0) napi_ref_threadsafe_function(env_, done_);
}

void Environment::job_done(std::unique_ptr<Job> job) {
  // Refused only where the environment is going down; the job then stays, since its handles have no thread to die on.
  Job* raw = job.release();
  static_cast<void>(napi_call_threadsafe_function(done_, raw, napi_tsfn_nonblocking));
}

void Environment::settle(napi_env env, napi_value, void* context, void* data) {
  // Null where the environment is going down.
  if (env == nullptr) return;
  auto* environment = static_cast<Environment*>(context);
  const std::unique_ptr<Job> job(static_cast<Job*>(data));
  if (--environment->pending_ == 0) napi_unref_threadsafe_function(env, environment->done_);
  try {
    job->finish(env);
  } catch (...) {
    // Only where JavaScript cannot run any more: there is nobody to tell.
  }
}

void Environment::close_workers() {
  for (SessionWorker* worker : workers_) worker->close();
}

}  // namespace finepune::binding
