// State of the addon in one Node environment: the main thread, or a worker_threads Worker.
#pragma once

#include <memory>
#include <set>

#include <napi.h>

namespace finepune::binding {

class Job;
class SessionWorker;

class Environment {
 public:
  // The environment's own instance, made by install(). Sessions share it: the order in which an environment drops its
  // objects is not known.
  static std::shared_ptr<Environment> of(Napi::Env env);
  // Makes it, and sees to it that no thread of ours outlives the environment.
  static void install(Napi::Env env);

  explicit Environment(Napi::Env env);
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  // From any thread: has the job settled on the main thread.
  void job_done(std::unique_ptr<Job> job);

  // The rest on the main thread. A job keeps the event loop alive from start to end.
  void job_started();
  void add(SessionWorker* worker) { workers_.insert(worker); }
  void remove(SessionWorker* worker) { workers_.erase(worker); }

 private:
  static void settle(napi_env env, napi_value function, void* context, void* data);
  void close_workers();

  napi_env env_;
  napi_threadsafe_function done_ = nullptr;
  int pending_ = 0;
  std::set<SessionWorker*> workers_;
};

}  // namespace finepune::binding
