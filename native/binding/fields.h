// Reading plain JavaScript objects field by field, with errors that name the field. Main thread only.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <napi.h>

namespace finepune::binding {

// All entries of an array where they lie, in one dimension: whoever reads them keeps the array alive.
struct SharedEntries {
  Napi::Value array;
  at::Tensor entries;
};

class Fields {
 public:
  // `path` names the object in messages: "slice.surgery". Throws Error("E_USAGE") where `value` is no object.
  Fields(Napi::Value value, std::string path);

  // Each throws Error("E_USAGE") "expected X for PATH.NAME but received Y" where the field is missing or of another type.
  double number(const char* name) const;
  // A whole number of absolute value up to 2^53 - 1.
  int64_t integer(const char* name) const;
  // The same from `least` to `most`.
  int64_t integer(const char* name, int64_t least, int64_t most) const;
  bool boolean(const char* name) const;
  std::string text(const char* name) const;
  std::vector<std::string> texts(const char* name) const;
  std::vector<double> numbers(const char* name) const;
  Fields object(const char* name) const;
  std::vector<Napi::Value> list(const char* name) const;
  // Names and numbers of all of an object's fields.
  std::vector<std::pair<std::string, double>> number_map(const char* name) const;
  // Four sizes of 1 or more whose product is `entries`.
  std::array<int64_t, 4> shape(const char* name, int64_t entries) const;
  // A Uint8Array or a Float32Array.
  SharedEntries tensor(const char* name) const;
  bool is_null(const char* name) const;
  Napi::Value value(const char* name) const;

  template <typename Array>
  Array typed_array(const char* name, napi_typedarray_type type, const char* type_name) const {
    const Napi::Value found = value(name);
    if (!found.IsTypedArray() || found.As<Napi::TypedArray>().TypedArrayType() != type) {
      expected(std::string("a ") + type_name, name, found);
    }
    return found.As<Array>();
  }

  const std::string& path() const { return path_; }
  Napi::Object raw() const { return object_; }

 private:
  [[noreturn]] void expected(const std::string& what, const std::string& name, const Napi::Value& received) const;

  Napi::Object object_;
  std::string path_;
};

}  // namespace finepune::binding
