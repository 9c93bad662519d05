#include "binding/session_worker.h"

#include <string>
#include <system_error>

#include "binding/environment.h"
#include "ops/error.h"

namespace finepune::binding {

Job::Job(Napi::Env env, std::shared_ptr<SessionWorker> worker)
    : worker_(std::move(worker)), deferred_(Napi::Promise::Deferred::New(env)) {}

void Job::keep(Napi::Value value) {
  napi_ref reference = nullptr;
  if (napi_create_reference(value.Env(), value, 1, &reference) != napi_ok) throw Napi::Error::New(value.Env());
  kept_.push_back(reference);
}

void Job::run() {
  try {
    execute();
  } catch (...) {
    failure_ = describe(std::current_exception());
  }
}

void Job::finish(Napi::Env env) {
  for (napi_ref reference : kept_) napi_delete_reference(env, reference);
  kept_.clear();
  settled(env);
  if (failure_) {
    deferred_.Reject(make_error(env, *failure_).Value());
    return;
  }
  try {
    deferred_.Resolve(result(env));
  } catch (const Napi::Error& error) {
    deferred_.Reject(error.Value());
  } catch (...) {
    deferred_.Reject(make_error(env, describe(std::current_exception())).Value());
  }
}

SessionWorker::SessionWorker(std::shared_ptr<Environment> environment) : environment_(std::move(environment)) {
  environment_->add(this);
  try {
    thread_ = std::thread([this] { loop(); });
  } catch (const std::system_error& error) {
    // There will be no destructor to do it.
    environment_->remove(this);
    throw Error("E_OOM", std::string("the system begins no more threads: ") + error.what() +
                             "; dispose of sessions and models, or raise the limit of processes or memory");
  } catch (...) {
    environment_->remove(this);
    throw;
  }
}

SessionWorker::~SessionWorker() {
  close();
  environment_->remove(this);
}

void SessionWorker::enqueue(std::unique_ptr<Job> job) {
  environment_->job_started();
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(job));
  }
  changed_.notify_one();
}

void SessionWorker::request_stop() {
  const std::lock_guard lock(mutex_);
  if (session_) session_->request_stop();
}

void SessionWorker::close() {
  disposed = true;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    if (session_) session_->request_stop();
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void SessionWorker::set_session(std::unique_ptr<Session> session) {
  {
    const std::lock_guard lock(mutex_);
    session_.swap(session);
  }
  // The old one ends here, on the thread that made it.
}

void SessionWorker::loop() {
  while (true) {
    std::unique_ptr<Job> job;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return closed_ || !queue_.empty(); });
      if (closed_) {
        // Jobs hold JavaScript handles and must die on the main thread, which is past using them.
        for (std::unique_ptr<Job>& dropped : queue_) static_cast<void>(dropped.release());
        queue_.clear();
        break;
      }
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    job->run();
    const std::lock_guard lock(mutex_);
    if (closed_) {
      static_cast<void>(job.release());
      break;
    }
    environment_->job_done(std::move(job));
  }
  set_session(nullptr);
  served_network.reset();
}

}  // namespace finepune::binding
