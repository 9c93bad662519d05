// How an exported function runs: exceptions to JavaScript errors, work to the session's thread.
#pragma once

#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <variant>

#include <napi.h>

#include "binding/errors.h"
#include "binding/session_handle.h"
#include "binding/session_worker.h"

namespace finepune::binding {

// Wraps a synchronous function: what it throws becomes a JavaScript error with a code.
template <Napi::Value (*function)(const Napi::CallbackInfo&)>
Napi::Value sync(const Napi::CallbackInfo& info) {
  try {
    return function(info);
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw make_error(info.Env(), describe(std::current_exception()));
  }
}

// Wraps a function that returns a promise: what it throws rejects the promise.
template <Napi::Value (*function)(const Napi::CallbackInfo&)>
Napi::Value async(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto rejected = [env](Napi::Value reason) -> Napi::Value {
    const auto deferred = Napi::Promise::Deferred::New(env);
    deferred.Reject(reason);
    return deferred.Promise();
  };
  try {
    return function(info);
  } catch (const Napi::Error& error) {
    return rejected(error.Value());
  } catch (...) {
    return rejected(make_error(env, describe(std::current_exception())).Value());
  }
}

// work(Session&) on the session's thread, then convert(env, its result) on the main thread.
template <typename Work, typename Convert>
class SessionJob final : public Job {
 public:
  using Result = std::invoke_result_t<Work&, Session&>;

  SessionJob(Napi::Env env, std::shared_ptr<SessionWorker> worker, Work work, Convert convert)
      : Job(env, std::move(worker)), work_(std::move(work)), convert_(std::move(convert)) {}

  void execute() override {
    if constexpr (std::is_void_v<Result>) {
      work_(*worker().session());
    } else {
      result_ = std::make_unique<Result>(work_(*worker().session()));
    }
  }

  Napi::Value result(Napi::Env env) override {
    if constexpr (std::is_void_v<Result>) {
      return convert_(env);
    } else {
      return convert_(env, *result_);
    }
  }

  void settled(Napi::Env) override { worker().busy = false; }

 private:
  Work work_;
  Convert convert_;
  std::unique_ptr<std::conditional_t<std::is_void_v<Result>, std::monostate, Result>> result_;
};

// Starts a SessionJob; `keep`: values whose memory `work` reads. The worker must be idle.
template <typename Work, typename Convert>
Napi::Value start(Napi::Env env, const std::shared_ptr<SessionWorker>& worker, const std::vector<Napi::Value>& keep,
                  Work work, Convert convert) {
  auto job = std::make_unique<SessionJob<Work, Convert>>(env, worker, std::move(work), std::move(convert));
  for (const Napi::Value& value : keep) job->keep(value);
  const Napi::Promise promise = job->promise();
  // Here and not on the session's thread, so that a stop asked for before the work begins counts.
  worker->session()->clear_stop();
  worker->busy = true;
  worker->enqueue(std::move(job));
  return promise;
}

inline Napi::Value undefined(Napi::Env env) { return env.Undefined(); }

}  // namespace finepune::binding
