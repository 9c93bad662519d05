#include "ops/layout.h"

#include <stdexcept>
#include <string>

namespace finepune {

void check_same_layout(const at::Tensor& reference, const at::Tensor& other, at::ScalarType type, const char* role) {
  if (!other.defined() || !reference.defined()) {
    throw std::invalid_argument(std::string("expected a tensor for ") + role + " but received none");
  }
  if (other.scalar_type() != type) throw std::invalid_argument(std::string(role) + " has the wrong dtype");
  if (!reference.device().is_cpu() || !other.device().is_cpu()) {
    throw std::invalid_argument(std::string(role) + " lies on a device this build has no kernel for");
  }
  if (other.sizes() != reference.sizes()) throw std::invalid_argument(std::string(role) + " has the wrong shape");
  // Strides of dimensions of size 1 mean nothing and differ between layouts that are the same memory.
  for (int64_t dimension = 0; dimension < reference.dim(); ++dimension) {
    if (reference.size(dimension) > 1 && other.stride(dimension) != reference.stride(dimension)) {
      throw std::invalid_argument(std::string(role) + " has another memory layout than the parameter");
    }
  }
  if (!reference.is_non_overlapping_and_dense()) {
    throw std::invalid_argument(std::string(role) + " belongs to a parameter with gaps in memory");
  }
}

}  // namespace finepune
