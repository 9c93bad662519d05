#include "lower_precision.h"

#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <ATen/cpu/Utils.h>

namespace finepune {
namespace {

// Of oneDNN's convolutions with vectors of bfloat16, measured (test/bench/NOTES.md), and with tiles, by what their makers
// say: not measured.
constexpr double kVectorCost = 0.5, kTileCost = 0.15;

bool has_instructions(const char* name) {
  const auto capabilities = at::cpu::get_cpu_capabilities();
  const auto found = capabilities.find(name);
  return found != capabilities.end() && found->second.isBool() && found->second.toBool();
}

}  // namespace

bool multiplies_bfloat16() {
  static const bool found = at::globalContext().hasMKLDNN() && has_instructions("avx512_bf16");
  return found;
}

double bfloat16_cost() {
  static const double cost = has_instructions("amx_bf16") ? kTileCost : kVectorCost;
  return cost;
}

bool lowers_products(const at::Tensor& images) {
  return images.is_cpu() && at::autocast::is_autocast_enabled(at::kCPU) && images.scalar_type() != at::kDouble;
}

}  // namespace finepune
