#include <napi.h>

#include "binding/environment.h"
#include "binding/exports.h"

namespace finepune::binding {

namespace {

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  Environment::install(env);
  export_info(env, exports);
  export_sessions(env, exports);
  export_tensors(env, exports);
  export_slices(env, exports);
  export_masks(env, exports);
  export_sparse(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(finepune, initialize)

}  // namespace finepune::binding
