#include <ATen/Context.h>
#include <ATen/Version.h>
#include <torch/version.h>

#include "binding/calls.h"
#include "binding/exports.h"

namespace finepune::binding {

namespace {

Napi::Value info(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  Napi::Object object = Napi::Object::New(env);
  object.Set("libtorch", TORCH_VERSION);
  object.Set("compiler", __VERSION__);
  object.Set("cuda", false);
  object.Set("cudaDevices", Napi::Array::New(env));
  object.Set("cpuCapability", at::get_cpu_capability());
  object.Set("mkldnn", at::globalContext().hasMKLDNN());
  object.Set("mkl", at::globalContext().hasMKL());
  return object;
}

}  // namespace

void export_info(Napi::Env env, Napi::Object exports) {
  exports.Set("info", Napi::Function::New(env, sync<info>, "info"));
}

}  // namespace finepune::binding
