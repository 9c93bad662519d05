// lib/native/addon.ts's option objects to the core's plain structs, and results back. Main thread only.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>
#include <napi.h>

#include "ops/magnitude_histogram.h"
#include "train/options.h"
#include "train/parameter_store.h"

namespace finepune::binding {

class Fields;

// All throw Error("E_USAGE") naming the field at fault; ranges are the core's business.
Graph to_graph(const Fields& fields);
Normalization to_normalization(const Fields& fields);
SessionOptions to_session_options(Napi::Value value);
ImageFileDescription to_image_file(Napi::Value value);
SampleList to_samples(Napi::Value value, const std::string& path);
TrainSlice to_train_slice(Napi::Value value);
ThresholdRequest to_thresholds(Napi::Value value);
Role to_role(const std::string& name);

Napi::Value from_train_result(Napi::Env env, const TrainResult& result);
Napi::Value from_evaluate_result(Napi::Env env, const EvaluateResult& result);
Napi::Value from_counts(Napi::Env env, const std::vector<LayerCount>& counts);
Napi::Value from_histogram(Napi::Env env, const MagnitudeHistogram& histogram);
// A Float32Array or, of a uint8 tensor, a Uint8Array over the tensor's own memory. `tensor` is contiguous.
Napi::Value from_tensor(Napi::Env env, const at::Tensor& tensor);

}  // namespace finepune::binding
