#include "ops/layout.h"

#include <stdexcept>
#include <string>

namespace finepune {

namespace {

bool has_kernels(at::Device device) {
#ifdef FINEPUNE_WITH_CUDA
  if (device.is_cuda()) return true;
#endif
  return device.is_cpu();
}

}  // namespace

bool has_layout_of(const at::Tensor& reference, const at::Tensor& other) {
  // Strides of dimensions of size 1 mean nothing and differ between layouts that are the same memory.
  for (int64_t dimension = 0; dimension < reference.dim(); ++dimension) {
    if (reference.size(dimension) > 1 && other.stride(dimension) != reference.stride(dimension)) return false;
  }
  return true;
}

void check_same_layout(const at::Tensor& reference, const at::Tensor& other, at::ScalarType type, const char* role) {
  if (!other.defined() || !reference.defined()) {
    throw std::invalid_argument(std::string("expected a tensor for ") + role + " but received none");
  }
  if (other.scalar_type() != type) throw std::invalid_argument(std::string(role) + " has the wrong dtype");
  if (!has_kernels(reference.device())) {
    throw std::invalid_argument(std::string(role) + " lies on a device this build has no kernel for");
  }
  if (other.device() != reference.device()) {
    throw std::invalid_argument(std::string(role) + " lies on another device than the parameter");
  }
  if (other.sizes() != reference.sizes()) throw std::invalid_argument(std::string(role) + " has the wrong shape");
  if (!has_layout_of(reference, other)) {
    throw std::invalid_argument(std::string(role) + " has another memory layout than the parameter");
  }
  if (!reference.is_non_overlapping_and_dense()) {
    throw std::invalid_argument(std::string(role) + " belongs to a parameter with gaps in memory");
  }
}

}  // namespace finepune
