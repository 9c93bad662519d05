#include "chosen_products.h"

#include <ATen/Context.h>
#include <ATen/ops/empty.h>

#include "library_linear.h"
#include "product_choice.h"
#include "sparse_linear.h"

namespace finepune {
namespace {

constexpr int64_t kImages = 32;
constexpr double kDensities[] = {1, 0.3, 0.05};

struct ConvolutionLayer {
  int64_t inputs, outputs, taps, side;
};

constexpr ConvolutionLayer kConvolutions[] = {{16, 64, 1, 55}, {64, 64, 3, 56}, {192, 384, 3, 13}, {64, 192, 5, 27}};
constexpr int64_t kFeatures = 9216, kOutputs = 4096;

// A tensor that has a shape and no memory to speak of: shapes are all that choices ask for.
at::Tensor shaped(at::IntArrayRef sizes) { return at::empty({1}, at::kFloat).expand(sizes); }

std::string library() { return at::globalContext().hasMKLDNN() ? "oneDNN" : "libtorch"; }

std::string name_of(Products products) {
  switch (products) {
    case Products::sparse:
      return "sparse";
    case Products::winograd:
      return "minimal filtering";
    case Products::library:
      break;
  }
  return library();
}

std::string name_of(WeightProducts products) {
  switch (products) {
    case WeightProducts::planes:
      return "planes";
    case WeightProducts::winograd:
      return "minimal filtering";
    case WeightProducts::library:
      break;
  }
  return library();
}

ChosenProducts chosen(const ConvolutionLayer& layer, double density) {
  const auto& [inputs, outputs, taps, side] = layer;
  const int64_t padding = taps / 2;
  const UnitConvolution convolution{{taps, taps}, {padding, padding, padding, padding}, 1};
  const UnitChoice choice = choose_products(convolution, shaped({kImages, inputs, side, side}),
                                            shaped({outputs, inputs, taps, taps}), density);
  const std::string size = std::to_string(taps) + " x " + std::to_string(taps) + ", " + std::to_string(side) + " x " +
                           std::to_string(side);
  return {"convolution " + std::to_string(inputs) + " to " + std::to_string(outputs) + ", " + size, density,
          name_of(choice.products), name_of(choice.weight_products)};
}

ChosenProducts chosen_linear(double density) {
  const bool sparse = is_sparse_linear_faster(shaped({kImages, kFeatures}), shaped({kOutputs, kFeatures}), density);
  return {"linear " + std::to_string(kFeatures) + " to " + std::to_string(kOutputs), density,
          sparse ? "sparse" : library_linear_name(), "factors"};
}

}  // namespace

std::vector<ChosenProducts> chosen_products() {
  std::vector<ChosenProducts> all;
  for (const ConvolutionLayer& layer : kConvolutions) {
    for (const double density : kDensities) all.push_back(chosen(layer, density));
  }
  for (const double density : kDensities) all.push_back(chosen_linear(density));
  return all;
}

}  // namespace finepune
