#include "ops/factored_step.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/constant_pad_nd.h>

namespace finepune {
namespace {

// Inputs of a block: with a panel of outputs its gradient takes 64 KB, and its rows are long enough to be read ahead.
constexpr int64_t kBlockInputs = 1024;
constexpr int64_t kPanel = cpu::kPanelChannels;

int64_t panels_of(int64_t features) { return (features + kPanel - 1) / kPanel; }

// [features / 16][images][16] of `values` [images, features], the features filled up with zeros.
at::Tensor panels(const at::Tensor& values) {
  const int64_t count = panels_of(values.size(1));
  return at::constant_pad_nd(values, {0, count * kPanel - values.size(1)})
      .view({values.size(0), count, kPanel})
      .transpose(0, 1)
      .contiguous();
}

// Both factors, ready to be multiplied block by block.
class Blocks {
 public:
  Blocks(const GradientFactors& factors, const cpu::TileKernels& products)
      : images_(factors.outputs.size(0)),
        outputs_(factors.outputs.size(1)),
        inputs_(factors.inputs.size(1)),
        output_panels_(panels(factors.outputs)),
        input_panels_(panels(factors.inputs)),
        products_(products) {}

  int64_t count() const { return panels_of(outputs_) * blocks_of_panel(); }

  // step(first, count, gradient) for every row of block `index`: `count` entries of the weight from `first` on.
  template <typename Step>
  void each_row(int64_t index, float* scratch, const Step& step) const {
    const int64_t output = index / blocks_of_panel(), first = index % blocks_of_panel() * kBlockInputs;
    const int64_t count = std::min(kBlockInputs, inputs_ - first), panel = images_ * kPanel;
    const float* left = output_panels_.const_data_ptr<float>() + output * panel;
    const float* right = input_panels_.const_data_ptr<float>() + first / kPanel * panel;
    for (int64_t i = 0; i < count; i += kPanel, right += panel) {
      products_.columns({left, right, images_, scratch + i, kBlockInputs, false});
    }
    const int64_t rows = std::min(kPanel, outputs_ - output * kPanel);
    for (int64_t row = 0; row < rows; ++row) {
      step((output * kPanel + row) * inputs_ + first, count, scratch + row * kBlockInputs);
    }
  }

 private:
  int64_t blocks_of_panel() const { return (inputs_ + kBlockInputs - 1) / kBlockInputs; }

  int64_t images_, outputs_, inputs_;
  at::Tensor output_panels_, input_panels_;
  const cpu::TileKernels& products_;
};

}  // namespace

int64_t factored_step(const cpu::StepSpan& weight, const GradientFactors& factors, const StepRates& rates,
                      PrunedEntries pruned, const MaskThresholds* refresh, cpu::StepKernel kernel,
                      const cpu::TileKernels& products) {
  const Blocks blocks(factors, products);
  std::atomic<int64_t> ones{0};
  at::parallel_for(0, blocks.count(), 1, [&](int64_t begin, int64_t end) {
    std::vector<float> scratch(static_cast<size_t>(kPanel * kBlockInputs));
    int64_t found = 0;
    for (int64_t block = begin; block < end; ++block) {
      blocks.each_row(block, scratch.data(), [&](int64_t first, int64_t count, const float* gradient) {
        cpu::StepSpan row = weight;
        row.parameter += first;
        row.shadow += first;
        row.momentum += first;
        row.gradient = gradient;
        if (row.mask != nullptr) row.mask += first;
        row.count = count;
        found += kernel(row, rates, pruned, refresh);
      });
    }
    ones += found;
  });
  return ones;
}

}  // namespace finepune
