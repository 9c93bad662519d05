// Operators that libtorch has for compiled networks, by name: oneDNN's on plain tensors.
#pragma once

#include <optional>

#include <ATen/Context.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/util/Exception.h>

namespace finepune {

// The operator called `name` where this libtorch has one for CPUs with oneDNN and with these arguments; else nothing.
// They are no part of libtorch's interface: another version may lack them, or give them other arguments.
template <typename Signature>
std::optional<c10::TypedOperatorHandle<Signature>> find_onednn_operator(const char* name) {
  if (!at::globalContext().hasMKLDNN()) return std::nullopt;
  const auto found = c10::Dispatcher::singleton().findSchema({name, ""});
  if (!found || !found->hasKernelForDispatchKey(c10::DispatchKey::CPU)) return std::nullopt;
  try {
    return found->template typed<Signature>();
  } catch (const c10::Error&) {
    return std::nullopt;
  }
}

}  // namespace finepune
