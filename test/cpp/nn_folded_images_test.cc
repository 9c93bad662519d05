#include "nn/folded_images.h"

#include "check.h"
#include "devices.h"
#include "nn/product_choice.h"
#include "nn/unit_convolution.h"
#include "nn_support.h"
#include "ops/folded_pixels.h"

namespace finepune::test {
namespace {

struct Case {
  int64_t channels, outputs, height, width, stride, kernel_height, kernel_width, top, left;
};

// The first layers of AlexNet, CaffeNet and ResNet; columns and rows that no tap reads, padding that no image fills, taps
// that are not square.
constexpr Case kCases[] = {
    {3, 64, 67, 75, 4, 11, 11, 2, 2}, {3, 32, 63, 60, 4, 11, 11, 0, 0}, {3, 16, 40, 38, 2, 7, 7, 3, 3},
    {5, 16, 17, 19, 3, 4, 3, 0, 1},   {3, 16, 9, 8, 4, 9, 12, 5, 6},
};

Folding folding_of(const Case& c) {
  return {c.stride,
          c.channels,
          {c.kernel_height, c.kernel_width},
          {(c.height + 2 * c.top - c.kernel_height) / c.stride + 1, (c.width + 2 * c.left - c.kernel_width) / c.stride + 1},
          {c.top, c.left, c.top, c.left}};
}

TEST("folded images: a convolution in larger steps and its gradients agree with a double reference") {
  for (const Case& c : kCases) {
    const Folding folding = folding_of(c);
    const at::Tensor images = random_tensor({3, c.channels, c.height, c.width}, 1);
    const at::Tensor weight = random_tensor({c.outputs, c.channels, c.kernel_height, c.kernel_width}, 2);
    const at::Tensor gradient = random_tensor({3, c.outputs, folding.output[0], folding.output[1]}, 3);
    const at::Tensor exact = weight.to(at::kDouble).requires_grad_();
    const at::Tensor expected = at::convolution(images.to(at::kDouble), exact, std::nullopt, {c.stride, c.stride},
                                                {c.top, c.left}, {1, 1}, false, {0, 0}, 1);
    expected.backward(gradient.to(at::kDouble));
    for (const at::MemoryFormat memory : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
      const at::Tensor learned = weight.contiguous(memory).detach().clone().requires_grad_();
      const at::Tensor output =
          unit_convolution(fold_images(images.contiguous(memory), folding), fold_weight(learned, folding), std::nullopt,
                           folding.folded(), {Products::winograd, WeightProducts::winograd});
      output.backward(gradient);
      CHECK(relative_error(output, expected) < 1e-5);
      CHECK(relative_error(learned.grad(), exact.grad()) < 1e-5);
    }
  }
}

TEST_ON_DEVICES("folded images: a GPU folds as the CPU does, bit by bit, rounded where it writes bfloat16") {
  if (device.is_cpu()) throw Skipped("a CPU has no such kernel");
  for (const Case& c : kCases) {
    const Folding folding = folding_of(c);
    const at::Tensor images = random_tensor({3, c.channels, c.height, c.width}, 1).contiguous(at::MemoryFormat::ChannelsLast);
    const at::Tensor expected = fold_images(images, folding);
    const BlockGrid grid{folding.stride, c.top, c.left, {expected.size(2), expected.size(3)}};
    for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
      const at::Tensor folded = fold_pixels(images.to(device), grid, folding.folded_channels(), type);
      CHECK(at::equal(folded.cpu(), expected.to(type)));
    }
  }
}

TEST("folded images: no folding has more than five rows of taps, and none is chosen where it does not pay") {
  CHECK((Folding{2, 3, {11, 11}, {}, {}}.taps() == 0));
  CHECK((Folding{2, 3, {7, 7}, {}, {}}.taps() == 5));
  const Folding narrow{2, 64, {1, 1}, {28, 28}, {}}, first = folding_of({3, 64, 224, 224, 4, 11, 11, 2, 2});
  const at::Tensor images = at::zeros({4, 3, 224, 224}), weight = at::zeros({64, 3, 11, 11});
  CHECK(!folding_pays(narrow, at::zeros({4, 64, 56, 56}), at::zeros({128, 64, 1, 1})));
  CHECK(folding_pays(first, images, weight) == (cpu::best_direct_kernels().lanes >= 8));
  CHECK(!folding_pays(first, images.to(at::kDouble), weight.to(at::kDouble)));
}

}  // namespace
}  // namespace finepune::test
