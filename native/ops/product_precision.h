// Who computes float32 products on GPUs in which precision, in one process.
#pragma once

#include <c10/core/Device.h>

namespace finepune {

// While one stands, float32 products on GPUs, and what is chosen by their precision, are as `tensor_float32` says
// (set_product_precision). libtorch has one setting for the whole process: any number of threads share it, and who asks
// for the other waits until they are done, all in the order in which they asked. Nothing for the CPU. A thread asks for one
// at a time.
class ProductPrecision {
 public:
  ProductPrecision(c10::Device device, bool tensor_float32);
  ~ProductPrecision();
  ProductPrecision(const ProductPrecision&) = delete;
  ProductPrecision& operator=(const ProductPrecision&) = delete;

 private:
  const bool holds_;
};

}  // namespace finepune
