#include "train/session.h"

#include <sstream>

#include <ATen/Functions.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>

#include "nn/lower_precision.h"
#include "ops/device.h"
#include "ops/error.h"
#include "ops/host_allocator.h"
#include "ops/intra_op_threads.h"
#include "ops/memory_advice.h"
#include "ops/write_crop.h"
#include "threads/most_threads.h"

namespace finepune {

namespace {

// bfloat16 for the operators that gain by it, while one stands; on a CPU that multiplies it no faster, none do.
class Autocast {
 public:
  Autocast(at::DeviceType device, bool on) : device_(device), on_(on && (device != at::kCPU || multiplies_bfloat16())) {
    if (!on_) return;
    at::autocast::set_autocast_dtype(device_, at::kBFloat16);
    at::autocast::set_autocast_enabled(device_, true);
  }
  ~Autocast() {
    if (!on_) return;
    at::autocast::set_autocast_enabled(device_, false);
    // Casts of weights are kept for the pass only: the step changes the weights.
    at::autocast::clear_cache();
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  at::DeviceType device_;
  bool on_;
};

std::string shape_text(at::IntArrayRef shape) {
  std::ostringstream text;
  text << shape;
  return text.str();
}

// What passes the input on, a Flatten say, gives the caller's own memory, which goes when the caller likes.
at::Tensor own(const at::Tensor& values, const at::Tensor& given) {
  return values.is_alias_of(given) ? values.clone() : values;
}

}  // namespace

Session::Session(SessionOptions options) : options_(std::move(options)), device_(parse_device(options_.device)) {
  if (options_.threads < 1 || options_.threads > kMostThreads) {
    throw Error("E_USAGE", "expected 1 to " + std::to_string(kMostThreads) + " for threads but received " +
                               std::to_string(options_.threads));
  }
  if (options_.precision == Precision::tensor_float32 && device_.is_cpu()) {
    throw Error("E_USAGE", "precision tf32 was asked for on the CPU; use fp32 or bf16, or a CUDA device");
  }
  channel_map_ = make_channel_map(options_.normalization, options_.graph.input.channels);
  set_intra_op_threads(options_.threads);
  install_host_allocator();
  select_device(device_);
  network_ = with_spec_errors([&] { return std::make_unique<Network>(options_.graph, device_); });
  store_ = std::make_unique<ParameterStore>(*network_);
}

Session::~Session() {
  images_.clear();
  step_graph_.reset();
  training_memory_ = {};
  store_.reset();
  network_.reset();
  release_kept_host_memory();
  if (device_.is_cuda()) release_kept_device_memory();
}

int64_t Session::parameter_bytes() const {
  int64_t bytes = 0;
  for (const Parameter& parameter : network_->parameters()) bytes += static_cast<int64_t>(parameter.value.nbytes());
  return bytes;
}

int64_t Session::attach_images(ImageFileDescription description) {
  const GraphInput& input = network_->graph().input;
  auto file = std::make_shared<const ImageFile>(std::move(description));
  if (file->channels() != input.channels || file->height() < input.height || file->width() < input.width) {
    throw Error("E_USAGE", "expected images of " + std::to_string(input.channels) + " channels and at least " +
                               std::to_string(input.height) + " x " + std::to_string(input.width) + " in " +
                               file->path() + " but it holds " + std::to_string(file->channels()) + " channels, " +
                               std::to_string(file->height()) + " x " + std::to_string(file->width()));
  }
  images_.push_back({file, DeviceImages(file, device_)});
  return static_cast<int64_t>(images_.size()) - 1;
}

ProductPrecision Session::product_precision() const {
  return ProductPrecision(device_, options_.precision == Precision::tensor_float32);
}

at::Tensor Session::logits(const at::Tensor& images, const Network::Mode& mode) {
  const Autocast autocast(device_.type(), options_.precision == Precision::bfloat16);
  return network_->forward(images, mode).to(at::kFloat);
}

at::Tensor Session::forward(const at::Tensor& images) {
  const at::NoGradGuard guard;
  const ProductPrecision precision = product_precision();
  const GraphInput& input = network_->graph().input;
  if (images.dim() != 4 || images.size(0) < 1) throw Error("E_USAGE", "expected a shape of four sizes, batch 1 or more");
  if (images.scalar_type() != at::kByte) {
    if (images.size(1) != input.channels || images.size(2) != input.height || images.size(3) != input.width) {
      throw Error("E_USAGE", "expected images of shape [batch, " + std::to_string(input.channels) + ", " +
                                 std::to_string(input.height) + ", " + std::to_string(input.width) +
                                 "] but received " + shape_text(images.sizes()));
    }
    return with_memory_advice(images.size(0), device_,
                              [&] { return own(logits(images.to(device_), {}).cpu(), images); });
  }
  const ImageSize stored{images.size(1), images.size(2)};
  const ImageSize output{input.height, input.width};
  if (images.size(3) != input.channels || stored.height < output.height || stored.width < output.width) {
    throw Error("E_USAGE", "expected images of shape [batch, height, width, channels] with at least " +
                               std::to_string(output.height) + " x " + std::to_string(output.width) + " pixels of " +
                               std::to_string(input.channels) + " channels but received " +
                               shape_text(images.sizes()));
  }
  const at::Tensor batch =
      at::empty({images.size(0), input.channels, output.height, output.width},
                at::TensorOptions().dtype(at::kFloat).device(device_).memory_format(at::MemoryFormat::ChannelsLast));
  const Crop crop = center_crop(stored, output);
  std::vector<ImageCrop> crops;
  for (int64_t i = 0; i < images.size(0); ++i) crops.push_back({i, crop});
  write_crops(images.to(device_), crops, channel_map_, batch);
  return with_memory_advice(images.size(0), device_, [&] { return logits(batch, {}).cpu(); });
}

Session::Gradients Session::gradients(const at::Tensor& input, const std::vector<int32_t>& labels) {
  const GraphInput& expected = network_->graph().input;
  if (store_->has_candidate()) {
    throw Error("E_USAGE", "gradients cannot be taken under a candidate; end it with setCandidate(null) first");
  }
  if (input.dim() != 4 || input.size(0) < 1 || input.size(1) != expected.channels ||
      input.size(2) != expected.height || input.size(3) != expected.width) {
    throw Error("E_USAGE", "expected input of shape [batch, " + std::to_string(expected.channels) + ", " +
                               std::to_string(expected.height) + ", " + std::to_string(expected.width) +
                               "] but received " + shape_text(input.sizes()));
  }
  if (static_cast<int64_t>(labels.size()) != input.size(0)) throw Error("E_USAGE", "expected one label an image");
  const at::Tensor targets = at::empty({input.size(0)}, at::kLong);
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0 || labels[i] >= network_->graph().classes) {
      throw Error("E_USAGE", "expected labels from 0 to " + std::to_string(network_->graph().classes - 1) +
                                 " but received " + std::to_string(labels[i]));
    }
    targets.data_ptr<int64_t>()[i] = labels[i];
  }
  const ProductPrecision precision = product_precision();
  store_->release_gradients();
  store_->unfreeze();
  Network::Mode mode;
  mode.train = true;
  mode.update_statistics = false;
  Gradients result;
  const at::Tensor output = logits(input.to(device_), mode);
  const at::Tensor loss = at::cross_entropy_loss(output, targets.to(device_));
  // Not so where the network has no parameters.
  if (loss.requires_grad()) loss.backward();
  result.loss = loss.item<double>();
  result.logits = own(output.detach().contiguous().cpu(), input);
  for (Parameter& parameter : network_->parameters()) {
    const at::Tensor& gradient = parameter.value.grad();
    if (gradient.defined()) result.gradients[parameter.name] = gradient.detach().clone(at::MemoryFormat::Contiguous).cpu();
  }
  store_->release_gradients();
  return result;
}

}  // namespace finepune
