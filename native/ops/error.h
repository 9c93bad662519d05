// The one exception type the core throws on purpose; its code is one of lib/errors.ts's.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

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

// Runs work(), which builds something by a network's graph; the faults it finds there, std::invalid_argument, become
// Error("E_SPEC").
template <typename Work>
auto with_spec_errors(Work&& work) {
  try {
    return std::forward<Work>(work)();
  } catch (const std::invalid_argument& error) {
    throw Error("E_SPEC", error.what());
  }
}

}  // namespace finepune
