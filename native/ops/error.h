// The one exception type the core throws on purpose; its code is one of lib/errors.ts's.
#pragma once

#include <stdexcept>
#include <string>

namespace finepune {

// `message` is one line: what went wrong, where, and how to mend it.
class Error : public std::runtime_error {
 public:
  Error(const char* code, const std::string& message) : std::runtime_error(message), code_(code) {}
  const char* code() const noexcept { return code_; }

 private:
  // Always a string literal.
  const char* code_;
};

}  // namespace finepune
