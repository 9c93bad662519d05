// Tensors to coded bytes and back, on a thread of Node's pool.
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "binding/calls.h"
#include "binding/exports.h"
#include "binding/fields.h"
#include "memory/huge_pages.h"
#include "ops/error.h"
#include "sparse/codec.h"
#include "sparse/quantize.h"
#include "threads/most_threads.h"

namespace finepune::binding {

namespace {

// work() on a thread of Node's pool, then convert(env) for what the promise resolves with. Node waits for it before an
// environment ends.
class PoolJob final : public Napi::AsyncWorker {
 public:
  PoolJob(Napi::Env env, std::function<void()> work, std::function<Napi::Value(Napi::Env)> convert)
      : AsyncWorker(env, "finepune"),
        deferred_(Napi::Promise::Deferred::New(env)),
        work_(std::move(work)),
        convert_(std::move(convert)) {}

  // Keeps a JavaScript value, whose memory the work reads or writes, alive.
  void keep(Napi::Object value) { kept_.push_back(Napi::Persistent(value)); }
  Napi::Promise promise() const { return deferred_.Promise(); }

  void Execute() override {
    try {
      work_();
    } catch (...) {
      failure_ = describe(std::current_exception());
    }
  }

  void OnOK() override {
    const Napi::Env env = Env();
    if (failure_) {
      deferred_.Reject(make_error(env, *failure_).Value());
      return;
    }
    try {
      deferred_.Resolve(convert_(env));
    } catch (const Napi::Error& error) {
      deferred_.Reject(error.Value());
    } catch (...) {
      deferred_.Reject(make_error(env, describe(std::current_exception())).Value());
    }
  }

 private:
  Napi::Promise::Deferred deferred_;
  std::function<void()> work_;
  std::function<Napi::Value(Napi::Env)> convert_;
  std::vector<Napi::ObjectReference> kept_;
  std::optional<Failure> failure_;
};

unsigned to_threads(const Fields& request) { return static_cast<unsigned>(request.integer("threads", 1, kMostThreads)); }

// How values change before they are coded.
struct Quantization {
  enum class Kind { none, zero_signs, half, codebook } kind = Kind::none;
  uint32_t bits = 0;
};

Quantization to_quantization(const std::string& name) {
  if (name == "exact") return {};
  if (name == "float32") return {Quantization::Kind::zero_signs, 0};
  if (name == "fp16") return {Quantization::Kind::half, 0};
  if (name.size() == 3 && name.starts_with("cb") && name[2] >= '2' && name[2] <= '8') {
    return {Quantization::Kind::codebook, static_cast<uint32_t>(name[2] - '0')};
  }
  throw Error("E_USAGE", "expected exact, float32, fp16 or cb2 to cb8 for values but received " + name);
}

std::vector<uint8_t> encode_quantized(std::span<const float> dense, Quantization quantization, EncodeOptions options) {
  if (quantization.kind == Quantization::Kind::none) return encode_tensor(dense, options);
  std::vector<float> values(dense.begin(), dense.end());
  std::vector<float> codebook;
  if (quantization.kind == Quantization::Kind::zero_signs) drop_zero_signs(values);
  if (quantization.kind == Quantization::Kind::half) round_to_half(values);
  if (quantization.kind == Quantization::Kind::codebook) codebook = round_to_codebook(values, quantization.bits);
  options.codebook = codebook;
  return encode_tensor(values, options);
}

Napi::Value encode(const Napi::CallbackInfo& info) {
  const Fields request(info[0], "request");
  auto dense = request.typed_array<Napi::Float32Array>("dense", napi_float32_array, "Float32Array");
  const Quantization quantization = to_quantization(request.text("values"));
  const int64_t row_length = request.integer("rowLength");
  if (row_length < 0) {
    throw Error("E_USAGE", "expected 0 or more for request.rowLength but received " + std::to_string(row_length));
  }
  EncodeOptions options;
  options.row_length = static_cast<size_t>(row_length);
  options.threads = to_threads(request);
  const std::span<const float> values{dense.Data(), dense.ElementLength()};
  auto bytes = std::make_shared<std::vector<uint8_t>>();
  // Deletes itself after it has settled the promise.
  auto* job = new PoolJob(
      info.Env(), [=] { *bytes = encode_quantized(values, quantization, options); },
      [bytes](Napi::Env env) -> Napi::Value {
        auto coded = Napi::Uint8Array::New(env, bytes->size());
        ask_for_huge_pages(coded.Data(), bytes->size());
        if (!bytes->empty()) std::memcpy(coded.Data(), bytes->data(), bytes->size());
        return coded;
      });
  job->keep(dense);
  const Napi::Promise promise = job->promise();
  job->Queue();
  return promise;
}

Napi::Value decode(const Napi::CallbackInfo& info) {
  const Fields request(info[0], "request");
  auto coded = request.typed_array<Napi::Uint8Array>("bytes", napi_uint8_array, "Uint8Array");
  // The caller's memory: what V8 cannot allocate for an addon ends the process.
  auto dense = request.typed_array<Napi::Float32Array>("dense", napi_float32_array, "Float32Array");
  const unsigned threads = to_threads(request);
  const std::span<const uint8_t> bytes{coded.Data(), coded.ElementLength()};
  const std::span<float> values{dense.Data(), dense.ElementLength()};
  // Deletes itself after it has settled the promise.
  auto* job = new PoolJob(info.Env(), [=] { decode_tensor(bytes, values, threads); }, undefined);
  job->keep(coded);
  job->keep(dense);
  const Napi::Promise promise = job->promise();
  job->Queue();
  return promise;
}

}  // namespace

void export_sparse(Napi::Env env, Napi::Object exports) {
  exports.Set("encodeSparse", Napi::Function::New(env, async<encode>, "encodeSparse"));
  exports.Set("decodeSparse", Napi::Function::New(env, async<decode>, "decodeSparse"));
}

}  // namespace finepune::binding
