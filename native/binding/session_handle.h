// The opaque, type-tagged object JavaScript holds for a session.
#pragma once

#include <memory>

#include <napi.h>

#include "binding/session_worker.h"

namespace finepune::binding {

// What a handle's worker holds: a Session, or a ServedNetwork.
enum class HandleKind { session, served_network };

Napi::Object make_handle(Napi::Env env, std::shared_ptr<SessionWorker> worker, HandleKind kind = HandleKind::session);

// Throws Error("E_USAGE") on anything that make_handle did not make of this kind.
std::shared_ptr<SessionWorker> worker_of(Napi::Value handle, HandleKind kind = HandleKind::session);

// As worker_of, and throws Error("E_DISPOSED") after it was disposed of, Error("E_BUSY") while a job runs.
std::shared_ptr<SessionWorker> idle_worker_of(Napi::Value handle, HandleKind kind = HandleKind::session);

// Frees what the worker holds after the jobs before; idempotent. The promise of the end.
Napi::Promise dispose_worker(Napi::Env env, const std::shared_ptr<SessionWorker>& worker);

// Takes what the session holds outside JavaScript's heap off the garbage collector's account; idempotent.
void forget_memory(napi_env env, SessionWorker& worker);

}  // namespace finepune::binding
