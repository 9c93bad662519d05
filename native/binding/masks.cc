// Thresholds, candidates, histograms, counts.
#include "binding/calls.h"
#include "binding/conversion.h"
#include "binding/exports.h"

namespace finepune::binding {

namespace {

using Histograms = std::map<std::string, MagnitudeHistogram>;

Napi::Value magnitude_histograms(const Napi::CallbackInfo& info) {
  return start(
      info.Env(), idle_worker_of(info[0]), {}, [](Session& session) { return session.store().histograms(); },
      [](Napi::Env env, const Histograms& histograms) -> Napi::Value {
        Napi::Object map = Napi::Object::New(env);
        for (const auto& [name, histogram] : histograms) map.Set(name, from_histogram(env, histogram));
        return map;
      });
}

Napi::Value set_thresholds(const Napi::CallbackInfo& info) {
  const auto worker = idle_worker_of(info[0]);
  return start(
      info.Env(), worker, {},
      [request = to_thresholds(info[1])](Session& session) { return session.store().set_thresholds(request); },
      from_counts);
}

Napi::Value set_candidate(const Napi::CallbackInfo& info) {
  const auto worker = idle_worker_of(info[0]);
  if (info[1].IsNull() || info[1].IsUndefined()) {
    return start(
        info.Env(), worker, {}, [](Session& session) { return session.store().end_candidate(); }, from_counts);
  }
  return start(
      info.Env(), worker, {},
      [request = to_thresholds(info[1])](Session& session) { return session.store().set_candidate(request); },
      from_counts);
}

Napi::Value count_kept(const Napi::CallbackInfo& info) {
  return from_counts(info.Env(), idle_worker_of(info[0])->session()->store().counts());
}

}  // namespace

void export_masks(Napi::Env env, Napi::Object exports) {
  exports.Set("magnitudeHistograms", Napi::Function::New(env, async<magnitude_histograms>, "magnitudeHistograms"));
  exports.Set("setThresholds", Napi::Function::New(env, async<set_thresholds>, "setThresholds"));
  exports.Set("setCandidate", Napi::Function::New(env, async<set_candidate>, "setCandidate"));
  exports.Set("countKept", Napi::Function::New(env, sync<count_kept>, "countKept"));
}

}  // namespace finepune::binding
