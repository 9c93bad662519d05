// How any C++ exception becomes a JavaScript error with one of lib/errors.ts's codes.
#pragma once

#include <exception>
#include <string>

#include <napi.h>

namespace finepune::binding {

struct Failure {
  std::string code;
  // One line, without a backtrace.
  std::string message;
};

// Of the exception in flight or stored; never throws anything but std::bad_alloc.
Failure describe(const std::exception_ptr& exception);

// An Error with `code` set.
Napi::Error make_error(Napi::Env env, const Failure& failure);

}  // namespace finepune::binding
