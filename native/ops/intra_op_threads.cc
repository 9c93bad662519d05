#include "ops/intra_op_threads.h"

#include <ATen/Parallel.h>

namespace finepune {

void set_intra_op_threads(int threads) {
  // The first loop of a thread takes over the number that the process was given last. That happens once in libtorch and
  // once more in our code, where at::parallel_for is inlined: both are to be over before the number is set.
  at::internal::lazy_init_num_threads();
  static_cast<void>(at::get_num_threads());
  at::set_num_threads(threads);
}

}  // namespace finepune
