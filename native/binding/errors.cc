#include "binding/errors.h"

#include <new>
#include <stdexcept>
#include <system_error>

#include <c10/util/Exception.h>

#include "ops/error.h"

namespace finepune::binding {

namespace {

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

Failure describe_torch(const c10::Error& error) {
  const std::string message = first_line(error.what_without_backtrace());
  // libtorch has no class for a failed allocation on the CPU, nor for one inside cuBLAS or cuDNN.
  if (contains(message, "not enough memory") || contains(message, "can't allocate memory") ||
      contains(message, "out of memory") || contains(message, "ALLOC_FAILED")) {
    return {"E_OOM", "memory ran out: " + message + "; use a smaller batch"};
  }
  if (contains(message, "CUDA")) return {"E_DEVICE", message};
  return {"E_INTERNAL", "libtorch: " + message};
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
    return {"E_OOM", "memory ran out; use a smaller batch or network"};
  } catch (const std::length_error&) {
    return {"E_OOM", "memory ran out; use a smaller batch or network"};
  } catch (const std::invalid_argument& error) {
    return {"E_USAGE", first_line(error.what())};
  } catch (const std::system_error& error) {
    return {"E_IO", first_line(error.what())};
  } catch (const std::exception& error) {
    return {"E_INTERNAL", first_line(error.what())};
  } catch (...) {
    return {"E_INTERNAL", "an unknown native exception"};
  }
}

Napi::Error make_error(Napi::Env env, const Failure& failure) {
  Napi::Error error = Napi::Error::New(env, failure.message);
  error.Set("code", Napi::String::New(env, failure.code));
  return error;
}

}  // namespace finepune::binding
