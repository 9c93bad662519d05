#include "product_choice.h"

#include <ATen/autocast_mode.h>

#include "winograd_convolution.h"

namespace finepune {
namespace {

// What things cost in multiplications of a dense convolution of libtorch's (test/bench/NOTES.md). A channel of a pixel
// copied in or out, a weight sorted into rows, and a non-zero multiplied, on CPUs with vectors of 8 and of 16 floats.
constexpr double kCopyCost = 32, kSortCost = 65, kNonzeroCost = 1.9, kWideNonzeroCost = 3;
// A multiplication of the gradient by the weights in libtorch and from planes, where vectors have 8 floats, and a
// channel of a pixel copied for it.
constexpr double kLibraryGradientCost = 1.9, kGradientCost = 1.1, kGradientCopyCost = 160;
// A product of minimal filtering, a value of a channel of a tile, and a value of a weight.
constexpr double kProductCost = 1, kTileCost = 30, kWeightCost = 100;
// Share of what libtorch costs that must be saved.
constexpr double kMargin = 0.1;
// Fewer images leave most of a pixel unused.
constexpr int64_t kFewestImages = 5;

// `pairs` of input and output channels.
double winograd_cost(const TileGrid& grid, int64_t taps, double channels, double pairs) {
  const double products = winograd_products(grid, taps);
  const auto values = static_cast<double>(points_of(taps) * points_of(taps));
  return kProductCost * products * pairs + kTileCost * products * channels + kWeightCost * values * pairs;
}

struct Costs {
  Costs(const UnitConvolution& convolution, const at::Tensor& images, const at::Tensor& weight, double density,
        bool narrow) {
    const auto& [kernel, padding, groups] = convolution;
    const int64_t height = images.size(2) + 2 * padding.top - kernel[0] + 1;
    const int64_t width = images.size(3) + 2 * padding.left - kernel[1] + 1;
    const auto pixels = static_cast<double>(images.size(0) * height * width);
    const auto weights = static_cast<double>(weight.numel());
    const auto channels = static_cast<double>(images.size(1) + weight.size(0));
    const double dense = pixels * weights;
    library = dense;
    sparse = (narrow ? kNonzeroCost : kWideNonzeroCost) * density * dense + kCopyCost * channels * pixels +
             kSortCost * weights;
    library_gradient = (narrow ? kLibraryGradientCost : 1) * dense;
    planes_gradient = kGradientCost * dense + kGradientCopyCost * channels * pixels;
    const TileGrid grid(images.size(0), {images.size(2), height, padding.top}, {images.size(3), width, padding.left});
    winograd = winograd_cost(grid, kernel[0], channels,
                             weights / static_cast<double>(kernel[0] * kernel[1]));
  }
  double library, sparse, winograd, library_gradient, planes_gradient;
};

}  // namespace

bool computes_plainly(const at::Tensor& images, const at::Tensor& weight) {
  return images.is_cpu() && images.scalar_type() == at::kFloat && weight.scalar_type() == at::kFloat &&
         !at::autocast::is_autocast_enabled(at::kCPU);
}

UnitChoice choose_products(const UnitConvolution& convolution, const at::Tensor& images, const at::Tensor& weight,
                           double density) {
  UnitChoice choice;
  const auto& [kernel, padding, groups] = convolution;
  const bool turns_round = padding.symmetric() && padding.top < kernel[0] && padding.left < kernel[1];
  const int64_t lanes = choice.kernels->lanes;
  if (!computes_plainly(images, weight) || !turns_round || lanes < 8) return choice;
  const Costs costs(convolution, images, weight, density, lanes == 8);
  // With all the padding that the gradient by the input can ask for.
  const int64_t plane = (images.size(2) + 2 * kernel[0]) * (images.size(3) + 2 * kernel[1]);
  const bool planes = images.size(0) >= kFewestImages && plane <= kMostSparsePlane;
  const bool winograd = has_winograd(convolution, images.size(1), weight.size(0));
  double best = (1 - kMargin) * costs.library;
  const auto offer = [&](Products products, double cost) {
    if (cost >= best) return;
    best = cost;
    choice.products = products;
  };
  if (planes) offer(Products::sparse, costs.sparse);
  if (winograd) offer(Products::winograd, costs.winograd);
  best = (1 - kMargin) * costs.library_gradient;
  const auto offer_gradient = [&](WeightProducts products, double cost) {
    if (cost >= best) return;
    best = cost;
    choice.weight_products = products;
  };
  if (planes && lanes == 8) offer_gradient(WeightProducts::planes, costs.planes_gradient);
  if (winograd) offer_gradient(WeightProducts::winograd, costs.winograd);
  return choice;
}

bool folding_pays(const Folding& folding, const at::Tensor& images, const at::Tensor& weight) {
  // cuDNN fills three channels up to eight, and has few kernels for steps of four.
  if (images.is_cuda()) return folding.stride >= 4 && folding.taps() > 0;
  const int64_t outputs = weight.size(0), channels = folding.folded_channels();
  if (!computes_plainly(images, weight) || cpu::best_direct_kernels().lanes < 8 || folding.taps() == 0) return false;
  if (!has_winograd(folding.folded(), channels, outputs)) return false;
  const double library =
      static_cast<double>(images.size(0) * folding.output[0] * folding.output[1]) * static_cast<double>(weight.numel());
  const auto [height, width] = folding.output;
  const TileGrid grid(images.size(0), {height + folding.taps() - 1, height, 0}, {width + folding.taps() - 1, width, 0});
  const double folded = winograd_cost(grid, folding.taps(), static_cast<double>(channels + outputs),
                                      static_cast<double>(channels * outputs));
  return folded < (1 - kMargin) * library;
}

}  // namespace finepune
