#include "serve/libtorch_network.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <stdexcept>

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include "nn/by_batch_size.h"
#include "nn/compressed_operator.h"
#include "ops/device.h"
#include "ops/error.h"
#include "ops/host_allocator.h"
#include "ops/intra_op_threads.h"
#include "ops/memory_advice.h"
#include "ops/product_precision.h"
#include "ops/write_crop.h"

namespace finepune::serve {

namespace {

// Above this an entry with its place takes as much memory as the weights, and there is nothing to win.
constexpr double kDensest = 0.45;
// What skips zeros has to win by more than noise, and is timed alone: in the network other layers leave it less of the
// caches.
constexpr double kMargin = 0.95, kMarginSeconds = 1e-6;
// So much slower in one call, it is not timed again.
constexpr double kHopeless = 2;
constexpr int kRounds = 3, kCalls = 5;

// Seconds of one of `calls` calls, the device's work included.
template <typename Call>
double time_calls(at::Device device, int calls, const Call& call) {
  synchronize(device);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < calls; ++i) call();
  synchronize(device);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / calls;
}

bool is_dense(Choice choice) { return choice == Choice::dense || choice == Choice::measured_dense; }

}  // namespace

LibtorchNetwork::LibtorchNetwork(const Graph& graph, const Tensors& tensors, LibtorchOptions options)
    : options_(options) {
  if (!is_dense(options_.choice) && options_.choice != Choice::measured && options_.choice != Choice::sparse) {
    throw Error("E_USAGE", "expected measured, measured-dense, dense or sparse for the forms of a network on " +
                               options_.device.str());
  }
  set_intra_op_threads(static_cast<int>(options_.threads));
  install_host_allocator();
  select_device(options_.device);
  const ProductPrecision precision(options_.device, /*tensor_float32=*/false);
  const at::NoGradGuard no_grad;
  with_memory_advice(options_.largest_batch, options_.device, [&] {
    network_ = std::make_unique<Network>(graph, options_.device);
    read(tensors);
    choose_forms();
    measure_values();
  });
}

LibtorchNetwork::~LibtorchNetwork() {
  network_.reset();
  release_kept_host_memory();
  release_kept_device_memory();
}

void LibtorchNetwork::read(const Tensors& tensors) {
  for (Parameter& parameter : network_->parameters()) {
    const auto found = tensors.find(parameter.name);
    if (found == tensors.end()) throw std::invalid_argument("tensor " + parameter.name + " is missing");
    const auto given = static_cast<int64_t>(found->second.size());
    if (given != parameter.value.numel()) {
      throw std::invalid_argument("tensor " + parameter.name + " must have " + std::to_string(parameter.value.numel()) +
                                  " values, not " + std::to_string(given));
    }
    parameter.value.copy_(at::from_blob(const_cast<float*>(found->second.data()), parameter.value.sizes(), at::kFloat));
  }
}

void LibtorchNetwork::choose_forms() {
  const std::vector<GraphNode>& nodes = network_->graph().nodes;
  for (size_t node = 0; node < nodes.size(); ++node) {
    if (nodes[node].op == "Conv" || nodes[node].op == "Gemm") layers_.push_back(choose_form(node));
  }
  for (const Parameter& parameter : network_->parameters()) {
    if (!parameter.prunable) weight_bytes_ += static_cast<int64_t>(parameter.value.nbytes());
  }
  for (const Layer& layer : layers_) weight_bytes_ += layer.bytes;
}

LibtorchNetwork::Layer LibtorchNetwork::choose_form(size_t node) {
  const std::string& name = network_->graph().nodes[node].name;
  at::Tensor& weight = network_->parameter(name + ".weight").value;
  const auto kept = static_cast<double>(at::count_nonzero(weight).item<int64_t>());
  Layer layer{name, kept / static_cast<double>(weight.numel()), {}, static_cast<int64_t>(weight.nbytes())};
  std::vector<bool>& skips = layer.skips_zeros;
  skips.assign(batch_class(options_.largest_batch) + 1, false);
  const bool measured = options_.choice == Choice::measured;
  if (is_dense(options_.choice) || (measured && layer.density > kDensest)) return layer;
  std::unique_ptr<CompressedOperator> skipping = compress_operator(*network_, node);
  if (!skipping) return layer;

  std::unique_ptr<Operator> dense = network_->exchange(node, nullptr);
  for (size_t number = 0; number < skips.size(); ++number) {
    const int64_t images = std::min(largest_of_class(number), options_.largest_batch);
    skips[number] = !measured || is_faster(node, *skipping, *dense, images);
  }
  const auto winners = std::count(skips.begin(), skips.end(), true);
  if (winners == 0) {
    network_->exchange(node, std::move(dense));
  } else if (winners == static_cast<std::ptrdiff_t>(skips.size())) {
    layer.bytes = skipping->bytes();
    network_->exchange(node, std::move(skipping));
    weight = at::empty({0}, weight.options());
  } else {
    layer.bytes += skipping->bytes();
    network_->exchange(node, std::make_unique<ByBatchSize>(std::move(dense), std::move(skipping), skips));
  }
  return layer;
}

bool LibtorchNetwork::is_faster(size_t node, Operator& skipping, Operator& dense, int64_t images) {
  std::vector<int64_t> shape = network_->input_shape(node);
  shape.insert(shape.begin(), images);
  const auto format = shape.size() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
  const at::Tensor input = at::ones(shape, at::TensorOptions().device(options_.device)).contiguous(format);
  const Network::Mode mode;
  const ForwardContext context{network_->parameters(), mode, 0};
  const auto seconds = [&](Operator& computing, int calls) {
    return time_calls(options_.device, calls, [&] { computing.forward(input, context); });
  };
  // The first call of each loads and tries kernels.
  seconds(dense, 1);
  seconds(skipping, 1);
  double least_dense = seconds(dense, 1), least_skipping = seconds(skipping, 1);
  if (least_skipping > kHopeless * least_dense) return false;
  // In turn, and the least of each: whatever else the machine does only ever adds.
  for (int round = 0; round < kRounds; ++round) {
    least_dense = std::min(least_dense, seconds(dense, kCalls));
    least_skipping = std::min(least_skipping, seconds(skipping, kCalls));
  }
  return least_skipping < std::min(kMargin * least_dense, least_dense - kMarginSeconds);
}

void LibtorchNetwork::measure_values() {
  if (!options_.device.is_cuda()) return;
  const auto& [channels, height, width] = graph().input;
  const auto run_blank = [&] {
    network_->forward(at::zeros({options_.largest_batch, channels, height, width}, options_.device), {});
    synchronize(options_.device);
  };
  // Once for what libraries allocate the first time and keep.
  run_blank();
  release_kept_device_memory();
  const int64_t before = device_memory_use(options_.device).now;
  restart_most_used(options_.device);
  run_blank();
  value_bytes_ = device_memory_use(options_.device).most - before;
}

at::Tensor LibtorchNetwork::load(const Images& images, int64_t first, int64_t count) const {
  const auto& [channels, height, width] = graph().input;
  if (images.floats != nullptr) {
    const float* floats = images.floats + first * channels * height * width;
    return at::from_blob(const_cast<float*>(floats), {count, channels, height, width}, at::kFloat).to(options_.device);
  }
  const uint8_t* bytes = images.bytes + first * images.stored_height * images.stored_width * channels;
  const at::Tensor stored = at::from_blob(const_cast<uint8_t*>(bytes),
                                          {count, images.stored_height, images.stored_width, channels}, at::kByte);
  ChannelMap map;
  map.channels = channels;
  std::copy(images.source.begin(), images.source.end(), map.source);
  std::copy(images.factor.begin(), images.factor.end(), map.factor);
  std::copy(images.shift.begin(), images.shift.end(), map.shift);
  std::vector<ImageCrop> crops;
  for (int64_t i = 0; i < count; ++i) crops.push_back({i, {images.top, images.left, height, width}});
  at::Tensor input =
      at::empty({count, channels, height, width},
                at::TensorOptions().device(options_.device).memory_format(at::MemoryFormat::ChannelsLast));
  write_crops(stored.to(options_.device), crops, map, input);
  return input;
}

void LibtorchNetwork::run(const Images& images, float* logits) {
  const ProductPrecision precision(options_.device, /*tensor_float32=*/false);
  const at::NoGradGuard no_grad;
  const int64_t classes = graph().classes;
  for (int64_t first = 0; first < images.count; first += options_.largest_batch) {
    const int64_t count = std::min(options_.largest_batch, images.count - first);
    with_memory_advice(count, options_.device, [&] {
      const at::Tensor values = network_->forward(load(images, first, count), {}).contiguous().cpu();
      std::memcpy(logits + first * classes, values.const_data_ptr<float>(), values.nbytes());
    });
  }
}

std::vector<LayerReport> LibtorchNetwork::layers() const {
  const auto form = [](bool skips_zeros) { return skips_zeros ? Form::sparse : Form::dense; };
  std::vector<LayerReport> reports;
  for (const Layer& layer : layers_) {
    reports.push_back(
        {layer.name, layer.density, form(layer.skips_zeros.front()), form(layer.skips_zeros.back()), layer.bytes});
  }
  return reports;
}

}  // namespace finepune::serve
