// Dropout {ratio} (Srivastava et al., JMLR 2014), inverted: kept values are scaled by 1 / (1 - ratio).
#include <cmath>

#include <ATen/Parallel.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/mul.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "attributes.h"
#include "operator.h"
#include "ops/counter_random.h"
#include "ops/dropped.h"

namespace finepune {
namespace {

constexpr int64_t kGrain = 1 << 14;

// Fills `mask` (dense in some memory order, CPU, float32) with 0 or `scale`, element i in memory order from draw i: the
// same for every thread count.
void fill_mask(at::Tensor& mask, double ratio, float scale, uint64_t stream) {
  float* values = mask.mutable_data_ptr<float>();
  // Each draw gives two 32-bit numbers, compared as integers.
  const uint64_t threshold = static_cast<uint64_t>(std::llround(ratio * 0x1p32));
  const int64_t count = mask.numel();
  at::parallel_for(0, (count + 1) / 2, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t pair = begin; pair < end; ++pair) {
      const uint64_t bits = random_bits(stream, static_cast<uint64_t>(pair));
      // Multiplied and not branched on: half of such branches are foretold wrong.
      values[2 * pair] = scale * static_cast<float>((bits & 0xffffffffULL) >= threshold);
      if (2 * pair + 1 < count) values[2 * pair + 1] = scale * static_cast<float>((bits >> 32) >= threshold);
    }
  });
}

// On a GPU: the mask is drawn again for the gradients, which takes less time than reading it.
class DropFunction : public torch::autograd::Function<DropFunction> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& values, const Dropping& dropping,
                            const at::Tensor& seed) {
    context->saved_data["ratio"] = dropping.ratio;
    context->saved_data["label"] = static_cast<int64_t>(dropping.label);
    context->save_for_backward({seed});
    return drop_values(values, dropping, seed);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    auto& saved = context->saved_data;
    const Dropping dropping{saved["ratio"].toDouble(), static_cast<uint64_t>(saved["label"].toInt())};
    const at::Tensor seed = context->get_saved_variables()[0];
    // In the memory order of the values, which are rows or pixels.
    const at::Tensor& given = gradients[0];
    const at::Tensor gradient =
        given.contiguous(given.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
    return {drop_values(gradient, dropping, seed), at::Tensor(), at::Tensor()};
  }
};

class Dropout final : public Operator {
 public:
  Dropout(Shape output, double ratio, int64_t index) : Operator(std::move(output)), ratio_(ratio), index_(index) {}

  at::Tensor forward(c10::ArrayRef<at::Tensor> inputs, const ForwardContext& context) override {
    const at::Tensor& input = inputs[0];
    if (!context.mode.dropout || ratio_ == 0) return input;
    const auto label = static_cast<uint64_t>(index_);
    if (input.is_cuda()) return drop_on_device(input, {ratio_, label}, context.mode);
    const uint64_t stream = derive_stream(context.mode.dropout_seed, label);
    at::Tensor mask = at::empty_like(input, input.options().dtype(at::kFloat).requires_grad(false));
    fill_mask(mask, ratio_, static_cast<float>(1.0 / (1.0 - ratio_)), stream);
    return at::mul(input, mask.to(input.scalar_type()));
  }

 private:
  static at::Tensor drop_on_device(const at::Tensor& given, const Dropping& dropping, const Network::Mode& mode) {
    const at::Tensor input =
        given.contiguous(given.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
    const at::Tensor seed = mode.device_dropout_seed.defined()
                                ? mode.device_dropout_seed
                                : at::full({1}, static_cast<int64_t>(mode.dropout_seed), input.options().dtype(at::kLong));
    if (at::GradMode::is_enabled()) return DropFunction::apply(input, dropping, seed);
    return drop_values(input, dropping, seed);
  }

  double ratio_;
  int64_t index_;
};

}  // namespace

std::unique_ptr<Operator> make_dropout(const BuildContext& context) {
  const Shape& shape = single_input(context, context.inputs.empty() ? 3 : context.inputs[0].size());
  const double ratio = number_attribute(context.node, "ratio", 0.5);
  if (!(ratio >= 0 && ratio < 1)) fail_node(context.node, "attribute ratio must be in [0, 1)");
  return std::make_unique<Dropout>(shape, ratio, context.index);
}

}  // namespace finepune
