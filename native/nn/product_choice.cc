#include "product_choice.h"

#include <vector>

#include "lower_precision.h"
#include "winograd_convolution.h"

namespace finepune {
namespace {

// What things cost in multiplications of a dense convolution of libtorch's (test/bench/NOTES.md). A channel of a pixel
// copied in or out, a weight sorted into rows, and a non-zero multiplied, on CPUs with vectors of 8 and of 16 floats.
constexpr double kCopyCost = 32, kSortCost = 65, kNonzeroCost = 1.9, kWideNonzeroCost = 1.8;
// A multiplication of the gradient by the weights in libtorch, where vectors have 8 floats and 16; one from planes, and a
// channel of a pixel copied for it.
constexpr double kLibraryGradientCost = 1.9, kWideLibraryGradientCost = 1.15;
constexpr double kGradientCost = 1.1, kGradientCopyCost = 160;
// A product of minimal filtering, a value of a channel of a tile, and a value of a weight.
constexpr double kProductCost = 1, kTileCost = 30, kWeightCost = 100;
// A value cast to bfloat16 or back.
constexpr double kCastCost = 10;
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

// Of one pass of each kind of products.
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
    const bool lower = lowers_products(images);
    library = (lower ? bfloat16_cost() : 1) * dense;
    sparse = (narrow ? kNonzeroCost : kWideNonzeroCost) * density * dense + kCopyCost * channels * pixels +
             kSortCost * weights;
    library_gradient = (narrow ? kLibraryGradientCost : kWideLibraryGradientCost) * library;
    planes_gradient = kGradientCost * dense + kGradientCopyCost * channels * pixels;
    const TileGrid grid(images.size(0), {images.size(2), height, padding.top}, {images.size(3), width, padding.left});
    winograd = winograd_cost(grid, kernel[0], channels,
                             weights / static_cast<double>(kernel[0] * kernel[1]));
    cast = lower ? kCastCost * channels * pixels : 0;
    lowered_images = images.scalar_type() == at::kBFloat16;
  }

  double of(Products products) const {
    if (products == Products::library) return (1 - kMargin) * library;
    return products == Products::sparse ? sparse : winograd;
  }
  double of(WeightProducts products) const {
    if (products == WeightProducts::library) return (1 - kMargin) * library_gradient;
    return products == WeightProducts::planes ? planes_gradient : winograd;
  }

  // Of a whole step: forward, by the images and by the weights; and of casting where libtorch's products are lower than
  // the images, than those of the other kind, or the other way round.
  double total(Products products, WeightProducts weight_products) const {
    const bool lower = products == Products::library, lower_gradient = weight_products == WeightProducts::library;
    const double casts = (lower != lowered_images ? cast : 0) + (lower != lower_gradient ? cast : 0);
    return 2 * of(products) + of(weight_products) + casts;
  }

  double library, sparse, winograd, library_gradient, planes_gradient, cast;
  bool lowered_images;
};

}  // namespace

bool computes_here(const at::Tensor& images, const at::Tensor& weight) {
  const at::ScalarType type = images.scalar_type();
  return images.is_cpu() && weight.scalar_type() == at::kFloat &&
         (type == at::kFloat || (type == at::kBFloat16 && lowers_products(images)));
}

UnitChoice choose_products(const UnitConvolution& convolution, const at::Tensor& images, const at::Tensor& weight,
                           double density) {
  UnitChoice choice;
  choice.lower = lowers_products(images);
  const auto& [kernel, padding, groups] = convolution;
  const bool turns_round = padding.symmetric() && padding.top < kernel[0] && padding.left < kernel[1];
  const int64_t lanes = choice.kernels->lanes;
  if (!computes_here(images, weight) || !turns_round || lanes < 8) return choice;
  const Costs costs(convolution, images, weight, density, lanes == 8);
  // With all the padding that the gradient by the input can ask for.
  const int64_t plane = (images.size(2) + 2 * kernel[0]) * (images.size(3) + 2 * kernel[1]);
  const bool planes = images.size(0) >= kFewestImages && plane <= kMostSparsePlane;
  std::vector<Products> products = {Products::library};
  std::vector<WeightProducts> weight_products = {WeightProducts::library};
  if (planes) products.push_back(Products::sparse);
  if (planes && lanes == 8) weight_products.push_back(WeightProducts::planes);
  if (has_winograd(convolution, images.size(1), weight.size(0))) {
    products.push_back(Products::winograd);
    weight_products.push_back(WeightProducts::winograd);
  }
  double best = costs.total(choice.products, choice.weight_products);
  for (const Products forward : products) {
    for (const WeightProducts by_weight : weight_products) {
      const double cost = costs.total(forward, by_weight);
      if (cost >= best) continue;
      best = cost;
      choice.products = forward;
      choice.weight_products = by_weight;
    }
  }
  return choice;
}

bool folding_pays(const Folding& folding, const at::Tensor& images, const at::Tensor& weight) {
  // cuDNN fills three channels up to eight, and has few kernels for steps of four.
  if (images.is_cuda()) return folding.stride >= 4 && folding.taps() > 0;
  const int64_t outputs = weight.size(0), channels = folding.folded_channels();
  if (!computes_here(images, weight) || cpu::best_direct_kernels().lanes < 8 || folding.taps() == 0) return false;
  if (!has_winograd(folding.folded(), channels, outputs)) return false;
  const double dense =
      static_cast<double>(images.size(0) * folding.output[0] * folding.output[1]) * static_cast<double>(weight.numel());
  const double library = (lowers_products(images) ? bfloat16_cost() : 1) * dense;
  const auto [height, width] = folding.output;
  const TileGrid grid(images.size(0), {height + folding.taps() - 1, height, 0}, {width + folding.taps() - 1, width, 0});
  const double folded = winograd_cost(grid, folding.taps(), static_cast<double>(channels + outputs),
                                      static_cast<double>(channels * outputs));
  return folded < (1 - kMargin) * library;
}

}  // namespace finepune
