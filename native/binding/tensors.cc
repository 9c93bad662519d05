// Parameters, shadows, momenta and masks in and out.
#include <ATen/core/Tensor.h>

#include "binding/calls.h"
#include "binding/conversion.h"
#include "binding/exports.h"
#include "binding/fields.h"

namespace finepune::binding {

namespace {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

Napi::Value initialize_parameters(const Napi::CallbackInfo& info) {
  const auto worker = idle_worker_of(info[0]);
  const Fields request(info[1], "request");
  const int64_t seed = request.integer("seed");
  return start(
      info.Env(), worker, {},
      [names = request.texts("names"), seed](Session& session) {
        session.store().end_candidate();
        session.store().initialize(names, static_cast<uint64_t>(seed));
      },
      undefined);
}

Napi::Value set_tensors(const Napi::CallbackInfo& info) {
  const auto worker = idle_worker_of(info[0]);
  const Fields request(info[1], "request");
  const Role role = to_role(request.text("role"));
  const Fields map = request.object("tensors");
  const Napi::Array names = map.raw().GetPropertyNames();
  NamedTensors tensors;
  std::vector<Napi::Value> keep;
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const std::string name = names.Get(i).ToString().Utf8Value();
    // Read where it lies, on the session's thread; the job keeps it alive.
    const SharedEntries values = map.tensor(name.c_str());
    tensors.emplace_back(name, values.entries);
    keep.push_back(values.array);
  }
  return start(
      info.Env(), worker, keep,
      [role, tensors = std::move(tensors)](Session& session) {
        // All are checked before any is written.
        for (const auto& [name, values] : tensors) session.store().check_set(role, name, values);
        session.store().end_candidate();
        for (const auto& [name, values] : tensors) session.store().set(role, name, values);
      },
      undefined);
}

Napi::Value get_tensors(const Napi::CallbackInfo& info) {
  const auto worker = idle_worker_of(info[0]);
  const Fields request(info[1], "request");
  const Role role = to_role(request.text("role"));
  return start(
      info.Env(), worker, {},
      [role, names = request.texts("names")](Session& session) {
        NamedTensors tensors;
        for (const std::string& name : names) tensors.emplace_back(name, session.store().get(role, name));
        return tensors;
      },
      [](Napi::Env env, const NamedTensors& tensors) -> Napi::Value {
        Napi::Object map = Napi::Object::New(env);
        for (const auto& [name, tensor] : tensors) map.Set(name, from_tensor(env, tensor));
        return map;
      });
}

}  // namespace

void export_tensors(Napi::Env env, Napi::Object exports) {
  exports.Set("initializeParameters", Napi::Function::New(env, async<initialize_parameters>, "initializeParameters"));
  exports.Set("setTensors", Napi::Function::New(env, async<set_tensors>, "setTensors"));
  exports.Set("getTensors", Napi::Function::New(env, async<get_tensors>, "getTensors"));
}

}  // namespace finepune::binding
