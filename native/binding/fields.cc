#include "binding/fields.h"

#include <cmath>
#include <limits>

#include <ATen/Functions.h>

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

int64_t Fields::integer(const char* name, int64_t least, int64_t most) const {
  const int64_t number = integer(name);
  if (number < least || number > most) {
    expected(std::to_string(least) + " to " + std::to_string(most), name, value(name));
  }
  return number;
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

std::array<int64_t, 4> Fields::shape(const char* name, int64_t entries) const {
  const std::vector<double> sizes = numbers(name);
  std::array<int64_t, 4> shape{};
  std::string received;
  double product = 1;
  bool whole = sizes.size() == shape.size();
  for (size_t i = 0; i < sizes.size(); ++i) {
    received += (i == 0 ? "" : ", ") + Napi::Number::New(object_.Env(), sizes[i]).ToString().Utf8Value();
    whole = whole && sizes[i] >= 1 && sizes[i] <= std::numeric_limits<int32_t>::max() && sizes[i] == std::trunc(sizes[i]);
    if (whole) shape[i] = static_cast<int64_t>(sizes[i]);
    product *= sizes[i];
  }
  if (!whole || product != static_cast<double>(entries)) {
    throw Error("E_USAGE", "expected four sizes of 1 or more whose product is " + std::to_string(entries) + " for " +
                               path_ + "." + name + " but received [" + received + "]");
  }
  return shape;
}

SharedEntries Fields::tensor(const char* name) const {
  const Napi::Value found = value(name);
  const auto is = [&](napi_typedarray_type type) {
    return found.IsTypedArray() && found.As<Napi::TypedArray>().TypedArrayType() == type;
  };
  if (!is(napi_uint8_array) && !is(napi_float32_array)) expected("a Uint8Array or Float32Array", name, found);
  const at::ScalarType type = is(napi_uint8_array) ? at::kByte : at::kFloat;
  const auto count = static_cast<int64_t>(found.As<Napi::TypedArray>().ElementLength());
  if (count == 0) return {found, at::empty({0}, type)};
  void* data = type == at::kByte ? static_cast<void*>(found.As<Napi::Uint8Array>().Data())
                                 : static_cast<void*>(found.As<Napi::Float32Array>().Data());
  return {found, at::from_blob(data, {count}, type)};
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
