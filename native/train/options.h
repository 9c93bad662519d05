// What crosses the native boundary, as plain data: the mirror of lib/native/addon.ts.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nn/graph.h"
#include "ops/preprocessing.h"

namespace finepune {

// Steps and positions up to here stay exact in every type they pass through, JavaScript's numbers among them.
constexpr int64_t largest_step = int64_t{1} << 40;

// Of forward and backward; weights and the step stay float32. `tensor_float32`: products of float32 values rounded to 10
// bits of mantissa, on GPUs that have them. `bfloat16`: autocast; on a CPU that does not multiply it as `float32`.
enum class Precision { float32, tensor_float32, bfloat16 };

struct SessionOptions {
  Graph graph;
  Normalization normalization;
  std::string device;
  int threads = 1;
  Precision precision = Precision::float32;
  uint64_t seed = 0;
};

// Memory-mapped uint8 images, records x height x width x channels after `offset` bytes.
struct ImageFileDescription {
  std::string path;
  int64_t offset = 0;
  int64_t records = 0;
  int64_t height = 0;
  int64_t width = 0;
  int64_t channels = 0;
};

// Images of one attached file by record number, with their labels.
struct SampleList {
  int64_t images = 0;
  std::vector<uint32_t> records;
  std::vector<int32_t> labels;
};

struct Augmentation {
  enum class Kind { none, crop, resized_crop };
  Kind kind = Kind::none;
  // resized_crop: the crop's share of the image's area, and its width over its height.
  std::array<double, 2> area_range{1, 1};
  std::array<double, 2> aspect_range{1, 1};
  bool horizontal_flip = false;
  bool vertical_flip = false;
};

// Probability of a layer's mask refresh at step s: (1 + gamma * (s - first_step))^(-power), 0 from stop_step on.
struct SurgerySchedule {
  double gamma = 0;
  double power = 1;
  int64_t first_step = 0;
  int64_t stop_step = 0;
};

struct TrainSlice {
  SampleList samples;
  int64_t first_step = 0;
  std::vector<double> learning_rates;
  int64_t batch_size = 1;
  std::map<std::string, double> learning_rate_factors;
  double momentum = 0;
  double weight_decay = 0;
  double label_smoothing = 0;
  bool dropout = false;
  double clip_norm = 0;
  Augmentation augmentation;
  std::optional<SurgerySchedule> surgery;
};

struct TrainResult {
  int64_t steps = 0;
  int64_t images = 0;
  double loss = 0;
  double accuracy = 0;
  double seconds = 0;
  double seconds_waiting = 0;
  int64_t refreshes = 0;
};

struct EvaluateResult {
  int64_t images = 0;
  double top1 = 0;
  double top5 = 0;
  double loss = 0;
  std::vector<int32_t> predicted;
  double seconds = 0;
};

struct LayerCount {
  std::string name;
  int64_t count = 0;
  int64_t kept = 0;
};

// Thresholds t by layer name, with a = lower * t and b = upper * t.
struct ThresholdRequest {
  std::map<std::string, double> thresholds;
  double lower = 0;
  double upper = 0;
};

}  // namespace finepune
