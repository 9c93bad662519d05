#include "train/early_gradients.h"

#include <algorithm>
#include <functional>
#include <memory>

#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

namespace finepune {
namespace {

namespace autograd = torch::autograd;

// Share of all entries from which on a step of its own pays.
constexpr double kMost = 0.7;

class Finished final : public autograd::PostAccumulateGradHook {
 public:
  explicit Finished(std::function<void()> call) : call_(std::move(call)) {}
  void operator()(const autograd::Variable&) override { call_(); }

 private:
  std::function<void()> call_;
};

}  // namespace

EarlyGradients::EarlyGradients(Network& network, c10::Stream stream) : network_(network), stream_(stream) {
  std::vector<Parameter>& parameters = network.parameters();
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (!parameters[i].value.requires_grad()) continue;
    all_entries_ += parameters[i].value.numel();
    ++left_;
    autograd::impl::set_post_acc_grad_hooks(parameters[i].value,
                                            std::make_unique<Finished>([this, i] { finished(i); }));
  }
}

EarlyGradients::~EarlyGradients() { stop(); }

void EarlyGradients::stop() {
  for (Parameter& parameter : network_.parameters()) {
    if (parameter.value.requires_grad()) autograd::impl::set_post_acc_grad_hooks(parameter.value, nullptr);
  }
  if (!marked_) parameters_.clear();
  std::sort(parameters_.begin(), parameters_.end());
}

void EarlyGradients::finished(size_t number) {
  --left_;
  if (marked_) return;
  parameters_.push_back(number);
  entries_ += network_.parameters()[number].value.numel();
  if (static_cast<double>(entries_) < kMost * static_cast<double>(all_entries_) || left_ == 0) return;
  ready_.mark(stream_);
  marked_ = true;
}

}  // namespace finepune
