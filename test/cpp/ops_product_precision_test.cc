#include "ops/product_precision.h"

#include <chrono>
#include <future>

#include <ATen/Context.h>

#include "check.h"

namespace finepune::test {
namespace {

// The setting is there without a GPU, too.
const c10::Device gpu(c10::kCUDA, 0);

bool rounds() { return at::globalContext().allowTF32CuBLAS() && at::globalContext().allowTF32CuDNN(); }

// On a thread of its own: what the setting was while that held the precision it had asked for.
std::future<bool> multiply(bool tensor_float32) {
  return std::async(std::launch::async, [tensor_float32] {
    const ProductPrecision precision(gpu, tensor_float32);
    return rounds();
  });
}

bool waits(const std::future<bool>& thread) {
  return thread.wait_for(std::chrono::milliseconds(50)) == std::future_status::timeout;
}

}  // namespace

TEST("the precision of products is what was asked for last, once nobody else holds another") {
  for (const bool tensor_float32 : {true, false, true}) {
    const ProductPrecision precision(gpu, tensor_float32);
    CHECK_EQUAL(rounds(), tensor_float32);
    const ProductPrecision of_cpu(c10::kCPU, !tensor_float32);
    CHECK_EQUAL(rounds(), tensor_float32);
  }
}

TEST("threads of one precision of products go on together, one of another waits, and all keep their order") {
  std::future<bool> other, late;
  {
    const ProductPrecision precision(gpu, true);
    CHECK(multiply(true).get());
    other = multiply(false);
    CHECK(waits(other));
    late = multiply(true);
    CHECK(waits(late));
    CHECK(rounds());
  }
  CHECK(!other.get());
  CHECK(late.get());
}

}  // namespace finepune::test
