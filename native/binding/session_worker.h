// A thread that runs the jobs of one session, or of one network that is served, in order, and the way of their results back to the main thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <napi.h>

#include "binding/errors.h"
#include "serve/served.h"
#include "train/session.h"

namespace finepune::binding {

class Environment;
class SessionWorker;

// One piece of work and its promise. Made, and deleted, on the main thread.
class Job {
 public:
  Job(Napi::Env env, std::shared_ptr<SessionWorker> worker);
  virtual ~Job() = default;
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  // On the session's thread; may throw anything.
  virtual void execute() = 0;
  // On the main thread after execute; what the promise resolves with.
  virtual Napi::Value result(Napi::Env env) = 0;
  // On the main thread, before the promise settles.
  virtual void settled(Napi::Env) {}

  // Keeps a JavaScript value, whose memory execute reads, alive until the job is done.
  void keep(Napi::Value value);

  // Runs execute and remembers what it threw.
  void run();
  // Settles the promise.
  void finish(Napi::Env env);

  Napi::Promise promise() const { return deferred_.Promise(); }
  SessionWorker& worker() const { return *worker_; }
  const std::shared_ptr<SessionWorker>& shared_worker() const { return worker_; }

 private:
  std::shared_ptr<SessionWorker> worker_;
  Napi::Promise::Deferred deferred_;
  std::vector<napi_ref> kept_;
  std::optional<Failure> failure_;
};

// Everything but the thread's own loop is called on the main thread.
class SessionWorker {
 public:
  // Throws Error("E_OOM") where the system begins no more threads.
  explicit SessionWorker(std::shared_ptr<Environment> environment);
  // Lets the job that runs end, drops those that wait, joins.
  ~SessionWorker();
  SessionWorker(const SessionWorker&) = delete;
  SessionWorker& operator=(const SessionWorker&) = delete;

  void enqueue(std::unique_ptr<Job> job);
  // Asks the slice that runs to end early.
  void request_stop();
  // Idempotent: as the destructor. The session counts as disposed of.
  void close();

  // The session's thread sets and clears it; the main thread uses it only while no job runs.
  void set_session(std::unique_ptr<Session> session);
  Session* session() const { return session_.get(); }

  // What the worker holds instead of a session where it serves. Only jobs use it, and the main thread while none runs.
  std::unique_ptr<serve::Served> served_network;

  // Main thread's book-keeping.
  bool busy = false;
  bool disposed = false;
  // disposeSession's promises beside the first, settled with it.
  std::vector<Napi::Promise::Deferred> dispose_waiters;
  bool dispose_done = false;
  // Reported to the garbage collector.
  int64_t external_bytes = 0;

 private:
  void loop();

  std::shared_ptr<Environment> environment_;
  // Guards everything below against the other thread.
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Job>> queue_;
  bool closed_ = false;
  std::unique_ptr<Session> session_;
  std::thread thread_;
};

}  // namespace finepune::binding
