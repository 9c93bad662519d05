#include <cstring>

#include "binding/calls.h"
#include "binding/exports.h"
#include "ops/error.h"
#include "sparse/codec.h"

namespace finepune::binding {

namespace {

template <typename Array>
Array typed(const Napi::Value& value, napi_typedarray_type type, const char* expected) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) {
    throw Error("E_USAGE", std::string("expected a ") + expected);
  }
  return value.As<Array>();
}

Napi::Value encode(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto dense = typed<Napi::Float32Array>(info[0], napi_float32_array, "Float32Array for dense");
  const SparseValues sparse = encode_sparse({dense.Data(), dense.ElementLength()});
  auto positions = Napi::Uint8Array::New(env, sparse.positions.size());
  auto values = Napi::Float32Array::New(env, sparse.values.size());
  if (!sparse.positions.empty()) std::memcpy(positions.Data(), sparse.positions.data(), sparse.positions.size());
  if (!sparse.values.empty()) std::memcpy(values.Data(), sparse.values.data(), sparse.values.size() * sizeof(float));
  Napi::Object result = Napi::Object::New(env);
  result.Set("encoding", sparse.encoding == PositionEncoding::gaps ? "gaps" : "bitmask");
  result.Set("positions", positions);
  result.Set("values", values);
  return result;
}

Napi::Value decode(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string name = info[0].IsString() ? info[0].As<Napi::String>().Utf8Value() : "";
  if (name != "bitmask" && name != "gaps") throw Error("E_MODEL_FILE", "expected bitmask or gaps for a tensor's encoding");
  auto positions = typed<Napi::Uint8Array>(info[1], napi_uint8_array, "Uint8Array for positions");
  auto values = typed<Napi::Float32Array>(info[2], napi_float32_array, "Float32Array for values");
  const double length = info[3].IsNumber() ? info[3].As<Napi::Number>().DoubleValue() : -1;
  // 2^33 entries are 32 GB, past any typed array.
  if (!(length >= 0) || length > 8589934592.0 || length != static_cast<double>(static_cast<int64_t>(length))) {
    throw Error("E_MODEL_FILE", "expected a whole number of entries for a tensor's length");
  }
  const PositionEncoding encoding = name == "gaps" ? PositionEncoding::gaps : PositionEncoding::bitmask;
  check_sparse(encoding, {positions.Data(), positions.ElementLength()}, values.ElementLength(),
               static_cast<uint64_t>(length));
  auto dense = Napi::Float32Array::New(env, static_cast<size_t>(length));
  decode_sparse(encoding, {positions.Data(), positions.ElementLength()}, {values.Data(), values.ElementLength()},
                {dense.Data(), dense.ElementLength()});
  return dense;
}

}  // namespace

void export_sparse(Napi::Env env, Napi::Object exports) {
  exports.Set("encodeSparse", Napi::Function::New(env, sync<encode>, "encodeSparse"));
  exports.Set("decodeSparse", Napi::Function::New(env, sync<decode>, "decodeSparse"));
}

}  // namespace finepune::binding
