#include "binding/errors.h"

#include <new>
#include <stdexcept>
#include <system_error>

#include <c10/util/Exception.h>

#include "ops/error.h"
#include "ops/memory_advice.h"

namespace finepune::binding {

namespace {

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

// Where the work at hand has a batch, ops/memory_advice.h knows better.
Failure out_of_memory(const std::string& message) {
  return {"E_OOM", "memory ran out" + (message.empty() ? "" : ": " + message) +
                       "; end what else uses it, or use a smaller network"};
}

Failure internal(const std::string& message) {
  return {"E_INTERNAL", message + "; this is a fault of finepune-native: please report it"};
}

Failure describe_torch(const c10::Error& error) {
  const std::string message = first_line(error.what_without_backtrace());
  if (is_out_of_memory(error)) return out_of_memory(message);
  if (message.find("CUDA") != std::string::npos) {
    return {"E_DEVICE", message + "; see `finepune-native doctor`, or use device cpu"};
  }
  return internal("libtorch: " + message);
}

}  // namespace

Failure describe(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const Error& error) {
    return {error.code(), error.what()};
  } catch (const c10::Error& error) {
    return describe_torch(error);
  } catch (const std::bad_alloc&) {
    return out_of_memory("");
  } catch (const std::length_error&) {
    return out_of_memory("");
  } catch (const std::invalid_argument& error) {
    return {"E_USAGE", first_line(error.what())};
  } catch (const std::system_error& error) {
    return {"E_IO", first_line(error.what())};
  } catch (const std::exception& error) {
    return internal(first_line(error.what()));
  } catch (...) {
    return internal("an unknown native exception");
  }
}

Napi::Error make_error(Napi::Env env, const Failure& failure) {
  Napi::Error error = Napi::Error::New(env, failure.message);
  error.Set("code", Napi::String::New(env, failure.code));
  return error;
}

}  // namespace finepune::binding
