// The exported functions by concern; lib/native/addon.ts documents them.
#pragma once

#include <napi.h>

namespace finepune::binding {

void export_info(Napi::Env env, Napi::Object exports);
void export_sessions(Napi::Env env, Napi::Object exports);
void export_tensors(Napi::Env env, Napi::Object exports);
void export_slices(Napi::Env env, Napi::Object exports);
void export_masks(Napi::Env env, Napi::Object exports);
void export_served_networks(Napi::Env env, Napi::Object exports);
void export_sparse(Napi::Env env, Napi::Object exports);

}  // namespace finepune::binding
