// The opaque, type-tagged object JavaScript holds for a session.
#pragma once

#include <memory>

#include <napi.h>

#include "binding/session_worker.h"

namespace finepune::binding {

Napi::Object make_handle(Napi::Env env, std::shared_ptr<SessionWorker> worker);

// Throws Error("E_USAGE") on anything that make_handle did not make.
std::shared_ptr<SessionWorker> worker_of(Napi::Value handle);

// As worker_of, and throws Error("E_DISPOSED") after disposeSession, Error("E_BUSY") while a job runs.
std::shared_ptr<SessionWorker> idle_worker_of(Napi::Value handle);

// Takes what the session holds outside JavaScript's heap off the garbage collector's account; idempotent.
void forget_memory(napi_env env, SessionWorker& worker);

}  // namespace finepune::binding
