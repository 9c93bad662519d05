#include <dlfcn.h>
#include <napi.h>

#include "binding/environment.h"
#include "binding/exports.h"

namespace finepune::binding {

namespace {

// Keeps the addon, and libtorch with it, loaded when the last environment that uses it ends: neither the threads of
// libtorch nor its thread-local state survive unloading.
void stay_loaded() {
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(&stay_loaded), &info) != 0) {
    static_cast<void>(dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE));
  }
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  stay_loaded();
  Environment::install(env);
  export_info(env, exports);
  export_sessions(env, exports);
  export_tensors(env, exports);
  export_slices(env, exports);
  export_masks(env, exports);
  export_served_networks(env, exports);
  export_sparse(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(finepune, initialize)

}  // namespace finepune::binding
