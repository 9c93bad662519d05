// Dropout {ratio} (Srivastava et al., JMLR 2014), inverted: kept values are scaled by 1 / (1 - ratio).
#include <cmath>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/core/Generator.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mul.h>

#include "attributes.h"
#include "counter_random.h"
#include "operator.h"

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
      values[2 * pair] = (bits & 0xffffffffULL) < threshold ? 0.0f : scale;
      if (2 * pair + 1 < count) values[2 * pair + 1] = (bits >> 32) < threshold ? 0.0f : scale;
    }
  });
}

class Dropout final : public Operator {
 public:
  Dropout(Shape output, double ratio, int64_t index) : Operator(std::move(output)), ratio_(ratio), index_(index) {}

  at::Tensor forward(c10::ArrayRef<at::Tensor> inputs, const ForwardContext& context) override {
    const at::Tensor& input = inputs[0];
    if (!context.mode.dropout || ratio_ == 0) return input;
    const uint64_t stream = derive_stream(context.mode.dropout_seed, static_cast<uint64_t>(index_));
    const double scale = 1.0 / (1.0 - ratio_);
    at::Tensor mask = at::empty_like(input, input.options().dtype(at::kFloat).requires_grad(false));
    if (mask.is_cpu()) {
      fill_mask(mask, ratio_, static_cast<float>(scale), stream);
    } else {
      // A generator of its own: the device's default one is shared with whoever else draws.
      at::Generator generator = at::globalContext().defaultGenerator(input.device()).clone();
      generator.set_current_seed(stream);
      mask.bernoulli_(1.0 - ratio_, generator).mul_(scale);
    }
    return at::mul(input, mask.to(input.scalar_type()));
  }

 private:
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
