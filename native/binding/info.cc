#include <ATen/Context.h>
#include <ATen/Version.h>
#include <torch/version.h>

#include "binding/calls.h"
#include "binding/exports.h"
#include "nn/chosen_products.h"
#include "nn/lower_precision.h"
#include "ops/cpu/direct_choice.h"
#include "ops/device.h"

namespace finepune::binding {

namespace {

Napi::Value info(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  Napi::Object object = Napi::Object::New(env);
  object.Set("libtorch", TORCH_VERSION);
  object.Set("compiler", __VERSION__);
  object.Set("cuda", is_built_with_cuda());
  const std::vector<std::string> names = cuda_device_names();
  Napi::Array devices = Napi::Array::New(env, names.size());
  for (uint32_t i = 0; i < names.size(); ++i) devices.Set(i, names[i]);
  object.Set("cudaDevices", devices);
  object.Set("cpuCapability", at::get_cpu_capability());
  object.Set("kernels", cpu::best_direct_kernels().name);
  object.Set("bfloat16", multiplies_bfloat16());
  object.Set("mkldnn", at::globalContext().hasMKLDNN());
  object.Set("mkl", at::globalContext().hasMKL());
  return object;
}

Napi::Value chosen(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  const std::vector<ChosenProducts> all = chosen_products();
  Napi::Array list = Napi::Array::New(env, all.size());
  for (uint32_t i = 0; i < all.size(); ++i) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("layer", all[i].layer);
    object.Set("density", all[i].density);
    object.Set("products", all[i].products);
    object.Set("weightGradient", all[i].weight_gradient);
    list.Set(i, object);
  }
  return list;
}

}  // namespace

void export_info(Napi::Env env, Napi::Object exports) {
  exports.Set("chosenProducts", Napi::Function::New(env, sync<chosen>, "chosenProducts"));
  exports.Set("info", Napi::Function::New(env, sync<info>, "info"));
}

}  // namespace finepune::binding
