#include "nn/tap_convolution.h"

#include <ATen/ATen.h>

#include "check.h"
#include "devices.h"
#include "nn_support.h"
#include "ops/device.h"
#include "ops/row_sums.h"
#include "ops/tap_gradient.h"

namespace finepune::test {
namespace {

struct Layer {
  int64_t channels, outputs, height, width;
  Taps taps;
  bool ours;
};

// The first is AlexNet's first layer, folded; the last has more channels than a tile divides.
const Layer kLayers[] = {{48, 64, 15, 57, {3, {0, 0}}, true},    {48, 96, 9, 30, {3, {0, 0}}, true},
                       {192, 128, 13, 13, {3, {1, 1}}, true},  {64, 192, 13, 11, {5, {2, 2}}, true},
                       {64, 64, 7, 40, {3, {0, 1}}, true},     {80, 64, 13, 13, {3, {1, 1}}, false}};

at::Tensor random_pixels(at::IntArrayRef shape, uint64_t seed) {
  return random_tensor(shape, seed).contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor leaf(const at::Tensor& value, at::Device device, at::ScalarType type) {
  return value.to(device, type).detach().requires_grad_();
}

// Returns whether the gradient by the taps was ours.
bool check_layer(const Layer& c, at::Device device, bool tensor_float32) {
  const at::Tensor pixels = random_pixels({5, c.channels, c.height, c.width}, 1);
  const at::Tensor values = random_pixels({c.outputs, c.channels, c.taps.side, c.taps.side}, 2);
  const at::Tensor shifts = random_tensor({c.outputs}, 3);
  const at::Tensor x = leaf(pixels, at::kCPU, at::kDouble), w = leaf(values, at::kCPU, at::kDouble);
  const at::Tensor b = leaf(shifts, at::kCPU, at::kDouble);
  const at::Tensor expected = at::conv2d(x, w, b, {1, 1}, c.taps.padding);
  const at::Tensor gradient = random_tensor(expected.sizes(), 4).contiguous(at::MemoryFormat::ChannelsLast);
  expected.backward(gradient.to(at::kDouble));

  const at::Tensor images = leaf(pixels, device, at::kFloat), taps = leaf(values, device, at::kFloat);
  const at::Tensor bias = leaf(shifts, device, at::kFloat);
  const bool ours = has_tap_gradient(images, c.outputs, c.taps);
  CHECK(!ours || (tensor_float32 && c.ours));
  const at::Tensor output = tap_convolution(images, taps, bias, c.taps.padding);
  output.backward(gradient.to(device));
  // The library is free to filter minimally, or by Fourier's transforms, whose rounding is larger.
  const double tolerance = tensor_float32 ? 2e-3 : 1e-4;
  CHECK(relative_error(output.cpu(), expected) < tolerance);
  CHECK(relative_error(images.grad().cpu(), x.grad()) < tolerance);
  CHECK(relative_error(taps.grad().cpu(), w.grad()) < tolerance);
  CHECK(relative_error(bias.grad().cpu(), b.grad()) < 1e-5);
  const at::Tensor first = taps.grad().clone();
  taps.mutable_grad().reset();
  tap_convolution(images, taps, bias, c.taps.padding).backward(gradient.to(device));
  CHECK(at::equal(taps.grad(), first));
  return ours;
}

}  // namespace

TEST_ON_DEVICES("tap convolution: gradients agree with a double reference, in tensor_float32 by a kernel of ours") {
  if (device.is_cpu()) throw Skipped("a CPU computes convolutions otherwise");
  int ours = 0;
  for (const bool tensor_float32 : {false, true}) {
    set_product_precision(device, tensor_float32);
    for (const Layer& c : kLayers) ours += check_layer(c, device, tensor_float32) ? 1 : 0;
  }
  if (ours == 0) throw Skipped("this GPU has no kernel of ours for gradients by taps; the library's are right");
}

TEST_ON_DEVICES("tap convolution: images and gradients that begin within a vector are taken too") {
  if (device.is_cpu()) throw Skipped("a CPU computes convolutions otherwise");
  set_product_precision(device, /*tensor_float32=*/true);
  const auto within_vector = [&](at::IntArrayRef shape, uint64_t seed) {
    const at::Tensor values = random_pixels(shape, seed);
    const at::Tensor longer = at::empty({values.numel() + 1}, at::TensorOptions().device(device));
    return longer.as_strided(values.sizes(), values.strides(), 1).copy_(values);
  };
  const at::Tensor images = within_vector({2, 64, 13, 13}, 1), gradient = within_vector({2, 64, 13, 13}, 2);
  const Taps taps{3, {1, 1}};
  CHECK(!has_tap_gradient(images, 64, taps));
  const at::Tensor moved = images.clone(at::MemoryFormat::ChannelsLast);
  if (!has_tap_gradient(moved, 64, taps)) throw Skipped("this GPU has no kernel of ours for gradients by taps");
  CHECK(at::equal(tap_gradient(moved, gradient, taps),
                  tap_gradient(moved, gradient.clone(at::MemoryFormat::ChannelsLast), taps)));
}

TEST_ON_DEVICES("sums over rows agree with a double reference, in both types") {
  if (device.is_cpu()) throw Skipped("on a CPU they are libtorch's");
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    for (const int64_t count : {3, 130}) {
      for (const int64_t columns : {1, 21, 4096}) {
        const at::Tensor rows = random_tensor({count, columns}, 1).to(type);
        CHECK(relative_error(row_sums(rows.to(device)).cpu(), rows.to(at::kDouble).sum(0)) < 1e-5);
      }
    }
  }
}

}  // namespace finepune::test
