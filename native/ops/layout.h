// Checks shared by the functions of this folder.
#pragma once

#include <ATen/core/Tensor.h>

namespace finepune {

// Throws std::invalid_argument, naming `role`, unless `other` has the dtype `type` and `reference`'s device, shape and
// strides, and both fill their memory without gaps, so that entry i in memory is the same entry in both.
void check_same_layout(const at::Tensor& reference, const at::Tensor& other, at::ScalarType type, const char* role);

// Whether both, of one shape, have each entry at the same place in memory.
bool has_layout_of(const at::Tensor& reference, const at::Tensor& other);

}  // namespace finepune
