#include "binding/fields.h"

#include <cmath>

#include "ops/error.h"

namespace finepune::binding {

namespace {

std::string type_name(const Napi::Value& value) {
  switch (value.Type()) {
    case napi_undefined:
      return "undefined";
    case napi_null:
      return "null";
    case napi_boolean:
      return "boolean";
    case napi_number:
      return "number " + value.ToString().Utf8Value();
    case napi_string:
      return "string";
    case napi_symbol:
      return "symbol";
    case napi_function:
      return "function";
    case napi_bigint:
      return "bigint";
    default:
      return value.IsArray() ? "array" : "object";
  }
}

constexpr double largest_integer = 9007199254740991.0;

}  // namespace

Fields::Fields(Napi::Value value, std::string path) : path_(std::move(path)) {
  if (!value.IsObject()) throw Error("E_USAGE", "expected an object for " + path_ + " but received " + type_name(value));
  object_ = value.As<Napi::Object>();
}

void Fields::expected(const std::string& what, const std::string& name, const Napi::Value& received) const {
  throw Error("E_USAGE", "expected " + what + " for " + path_ + "." + name + " but received " + type_name(received));
}

Napi::Value Fields::value(const char* name) const { return object_.Get(name); }

bool Fields::is_null(const char* name) const {
  const Napi::Value found = value(name);
  return found.IsNull() || found.IsUndefined();
}

double Fields::number(const char* name) const {
  const Napi::Value found = value(name);
  if (!found.IsNumber()) expected("a number", name, found);
  return found.As<Napi::Number>().DoubleValue();
}

int64_t Fields::integer(const char* name) const {
  const Napi::Value found = value(name);
  if (!found.IsNumber()) expected("a whole number", name, found);
  const double number = found.As<Napi::Number>().DoubleValue();
  if (!(std::abs(number) <= largest_integer) || number != std::trunc(number)) expected("a whole number", name, found);
  return static_cast<int64_t>(number);
}

bool Fields::boolean(const char* name) const {
  const Napi::Value found = value(name);
  if (!found.IsBoolean()) expected("a boolean", name, found);
  return found.As<Napi::Boolean>().Value();
}

std::string Fields::text(const char* name) const {
  const Napi::Value found = value(name);
  if (!found.IsString()) expected("a string", name, found);
  return found.As<Napi::String>().Utf8Value();
}

std::vector<Napi::Value> Fields::list(const char* name) const {
  const Napi::Value found = value(name);
  if (!found.IsArray()) expected("an array", name, found);
  const Napi::Array array = found.As<Napi::Array>();
  std::vector<Napi::Value> values;
  for (uint32_t i = 0; i < array.Length(); ++i) values.push_back(array.Get(i));
  return values;
}

std::vector<std::string> Fields::texts(const char* name) const {
  std::vector<std::string> texts;
  for (const Napi::Value& element : list(name)) {
    if (!element.IsString()) expected("an array of strings", name, element);
    texts.push_back(element.As<Napi::String>().Utf8Value());
  }
  return texts;
}

std::vector<double> Fields::numbers(const char* name) const {
  std::vector<double> numbers;
  for (const Napi::Value& element : list(name)) {
    if (!element.IsNumber()) expected("an array of numbers", name, element);
    numbers.push_back(element.As<Napi::Number>().DoubleValue());
  }
  return numbers;
}

Fields Fields::object(const char* name) const { return {value(name), path_ + "." + name}; }

std::vector<std::pair<std::string, double>> Fields::number_map(const char* name) const {
  const Fields map = object(name);
  const Napi::Array keys = map.raw().GetPropertyNames();
  std::vector<std::pair<std::string, double>> numbers;
  for (uint32_t i = 0; i < keys.Length(); ++i) {
    const std::string key = keys.Get(i).ToString().Utf8Value();
    numbers.emplace_back(key, map.number(key.c_str()));
  }
  return numbers;
}

}  // namespace finepune::binding
